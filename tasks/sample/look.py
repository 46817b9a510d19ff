"""Look at a file: the worker side of `traits`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tasks.common.errors import SourceError
from tasks.common.media.images import is_heif, open_picture
from tasks.common.media.limits import open_video, video_stream
from tasks.common.media.profiles import differs_from_srgb, has_alpha, photo_problem
from tasks.sample.area import find_area
from tasks.sample.color import Converter, is_hdr, is_unmarked_hd, is_wide_gamut
from tasks.sample.fields import is_combed
from tasks.sample.timeline import Timeline, rate_of, read_timeline
from tasks.sample.traits import LookJob, Traits

# Spread over the video: a caption or a dark scene must not be taken for bars.
_N_FRAMES = 12
_N_FIRST = 30  # of a file in which nothing can be sought
_STRIDE = 4
_MAX_PACKETS = 400  # of one place, after which another one is looked at
# A claim is another one if it is off by more than this; frames have a length, and clocks drift.
_TOLERANCE_S = 0.2


def look_in_worker(values: dict[str, Any]) -> dict[str, Any]:
    """Look at a file; takes the values of a `LookJob` and returns those of `Traits`."""
    job = LookJob.model_validate(values)
    # HEIC files were once taken for videos, of one tile.
    is_photo = job.kind == "video" and is_heif(Path(job.path))
    is_video = job.kind == "video" and not is_photo
    try:
        traits = _look_at_video(job) if is_video else _look_at_photo(job)
    except (av.FFmpegError, OSError, SyntaxError) as error:  # damaged, which sampling reports
        raise SourceError(f"The file cannot be looked at: {error}.") from error
    traits = traits.model_copy(update={"is_photo": is_photo})
    return traits.model_dump(mode="json", exclude_defaults=True)


def _look_at_photo(job: LookJob) -> Traits:
    with open_picture(Path(job.path)) as image:
        return Traits(
            problem=photo_problem(image),
            has_profile=differs_from_srgb(image),
            has_alpha=has_alpha(image),
        )


def _look_at_video(job: LookJob) -> Traits:
    with open_video(job.path) as container:
        stream = video_stream(container)
        timeline = read_timeline(container, stream)
        other_track = stream.index != container.streams.video[0].index
        is_untimed = timeline.end_s is None and timeline.n_packets > 0
        duration_s = (
            float(timeline.n_packets / rate_of(stream))
            if is_untimed
            else _real_duration_s(timeline, job.duration_s)
        )
    with open_video(job.path) as container:
        stream = video_stream(container)
        frames = list(_spread(container, stream, is_untimed))
    # A transport stream cannot always be sought in: then its beginning has to do.
    if len(frames) < _N_FRAMES // 2:
        with open_video(job.path) as container:
            frames = list(_decoded(container, video_stream(container), _N_FIRST))
    with open_video(job.path) as container:
        stream = video_stream(container)
        colour = Traits(
            other_track=other_track,
            duration_s=duration_s,
            is_joined=timeline.n_joins > 0,
            is_untimed=is_untimed,
            is_hdr=any(map(is_hdr, frames)),
            is_wide_gamut=any(map(is_wide_gamut, frames)),
            is_bt709=any(map(is_unmarked_hd, frames)),
            is_interlaced=is_combed(frames),
        )
        converter = Converter(stream.sample_aspect_ratio, colour)
        area = find_area([converter.to_rgb(frame) for frame in frames])
    return colour.model_copy(update={"area": area})


def _real_duration_s(timeline: Timeline, claimed_s: float | None) -> float | None:
    """Return how long the video is if the claim is another one; None if it is right or a cut file.

    What comes after the claimed end is there all the same. What is missing before it is missing
    only if nothing else of the file reaches it: longer sound is no sign of a cut.
    """
    end_s = timeline.end_s
    if end_s is None:
        return None
    if claimed_s is None or end_s > claimed_s + _TOLERANCE_S:
        return end_s
    others_s = timeline.others_end_s or 0.0
    is_longer_sound = end_s < claimed_s - _TOLERANCE_S <= others_s
    return end_s if is_longer_sound else None


def _spread(
    container: InputContainer, stream: VideoStream, is_untimed: bool
) -> Iterator[VideoFrame]:
    """Yield some frames of the whole video; without times, its first ones."""
    total = (container.duration or 0) if not is_untimed else 0
    for number in range(_N_FRAMES if total else 1):
        if total:
            place = (container.start_time or 0) + total * number // _N_FRAMES
            try:
                container.seek(place)
            except av.FFmpegError:
                continue
        # Further and further from the key frame, which short videos have one of.
        n_frames = 1 + _STRIDE * number if total else _N_FIRST
        yield from list(_decoded(container, stream, n_frames))[-1 if total else 0 :]


def _decoded(container: InputContainer, stream: VideoStream, n_frames: int) -> Iterator[VideoFrame]:
    for number, packet in enumerate(container.demux(stream)):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame) and not frame.is_corrupt:
                yield frame
                n_frames -= 1
                if not n_frames:
                    return
        if number > _MAX_PACKETS:
            return
