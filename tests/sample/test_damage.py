import random
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tasks.common.errors import SourceError
from tasks.common.media.images import Rgb
from tests.sample.running import Outcome, sample_file
from tests.sample.videos import number_of, regular, write_numbered

pytestmark = pytest.mark.service  # encoded videos and their decoder, a child process

_WRONG = 12.0  # codes by which the mean of an 8 x 8 block may differ after JPEG
_HEAD = 2500  # bytes that hold the containers' own tables at most
_TS_PACKET = 188

Damage = Callable[[bytearray, random.Random], None]


def shown(path: Path) -> dict[int, Rgb]:
    """Decode every picture, by its time in milliseconds from the first one."""
    with av.open(str(path)) as container:
        frames = [
            (frame.time, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            for frame in container.decode(video=0)
        ]
    return {round(1000 * (time_s - frames[0][0])): rgb for time_s, rgb in frames}


def difference(rgb: Rgb, other: Rgb) -> float:
    """Return by how much the means of 8 x 8 blocks differ at most."""
    grey = rgb.astype(np.float32).mean(axis=2) - other.astype(np.float32).mean(axis=2)
    return float(np.abs(cv2.resize(grey, (20, 15), interpolation=cv2.INTER_AREA)).max())


def wrong_times(outcome: Outcome, clean: dict[int, Rgb]) -> list[float]:
    """Return the times of frames that do not show what the clean video shows then."""
    return [
        time_s
        for time_s, rgb in zip(outcome.times_s, outcome.pictures, strict=True)
        if difference(rgb, clean[round(1000 * time_s)]) > _WRONG
    ]


def write_clip(path: Path) -> Path:
    muxer = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    return write_numbered(path, regular(60, 25), rate=25, gop=12, muxer=muxer)


def zeros(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(_HEAD, len(data) - _HEAD)
    data[at : at + 600] = bytes(600)


def noise(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(_HEAD, len(data) - _HEAD)
    data[at : at + 64] = chance.randbytes(64)


def one_bit(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(_HEAD, len(data) - _HEAD)] ^= 1 << chance.randrange(8)


def lost_packets(data: bytearray, chance: random.Random) -> None:
    number = chance.randrange(_HEAD // _TS_PACKET, len(data) // _TS_PACKET - 3)
    del data[number * _TS_PACKET : (number + 2) * _TS_PACKET]


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 0.95])
def test_a_cut_video_gives_what_is_there_and_drops_the_rest_as_truncated(
    tmp_path: Path, container: str, share: float
) -> None:
    clip = write_clip(tmp_path / f"clip.{container}")
    clean = shown(clip)
    data = clip.read_bytes()
    clip.write_bytes(data[: int(len(data) * share)])
    outcome = sample_file(clip, tmp_path / "w", every_s=0.2)
    assert outcome.result.n_in == 12
    assert outcome.times_s == [number / 5 for number in range(outcome.result.n_kept)]
    assert 0 < outcome.result.n_kept < 12
    assert outcome.reasons == ["truncated"] * (12 - outcome.result.n_kept)
    assert wrong_times(outcome, clean) == []


def test_a_cut_transport_stream_keeps_every_whole_frame(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.ts")
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    outcome = sample_file(clip, tmp_path / "w", every_s=0.2)
    numbers = [number_of(picture) for picture in outcome.pictures]
    assert numbers == [5 * number for number in range(len(numbers))]
    assert len(numbers) > 3
    assert outcome.result.n_in == outcome.result.n_kept + outcome.result.n_dropped


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("mode", ["all", "keyframes"])
def test_a_hole_of_zeros_never_shows_a_wrong_picture(
    tmp_path: Path, container: str, seed: int, mode: str
) -> None:
    assert_only_drops(tmp_path, container, zeros, seed, mode)


@pytest.mark.parametrize("seed", range(12))
def test_lost_packets_of_a_transport_stream_never_show_a_wrong_picture(
    tmp_path: Path, seed: int
) -> None:
    assert_only_drops(tmp_path, "ts", lost_packets, seed, "all")


def assert_only_drops(tmp_path: Path, container: str, damage: Damage, seed: int, mode: str) -> None:
    clip = write_clip(tmp_path / f"clip.{container}")
    clean = shown(clip)
    outcome = sample_damaged(clip, damage, seed, mode)
    assert wrong_times(outcome, clean) == []
    assert outcome.result.n_in == outcome.result.n_kept + outcome.result.n_dropped
    assert set(outcome.reasons) <= {"undecodable", "truncated", "no_new_frame"}


def sample_damaged(clip: Path, damage: Damage, seed: int, mode: str = "all") -> Outcome:
    data = bytearray(clip.read_bytes())
    damage(data, random.Random(seed))
    bad = clip.with_stem("bad")
    bad.write_bytes(data)
    every_s = 0.2 if mode == "all" else 0.48
    return sample_file(bad, clip.parent / f"w-{seed}", every_s=every_s, mode=mode)


@pytest.mark.parametrize("damage", [noise, one_bit])
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_noise_rarely_shows_a_wrong_picture_and_every_target_is_accounted_for(
    tmp_path: Path, container: str, damage: Damage
) -> None:
    # Without checksums in the stream a decoder cannot notice every changed bit.
    clip = write_clip(tmp_path / f"clip.{container}")
    clean = shown(clip)
    outcomes = [sample_damaged(clip, damage, seed) for seed in range(8)]
    n_wrong = sum(len(wrong_times(outcome, clean)) for outcome in outcomes)
    assert n_wrong <= sum(outcome.result.n_kept for outcome in outcomes) / 20
    assert [o.result.n_in for o in outcomes] == [
        o.result.n_kept + o.result.n_dropped for o in outcomes
    ]


def test_damage_in_the_middle_says_which_targets_it_cost(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packets = [
            (packet.pts * packet.time_base, packet.pos, packet.size)
            for packet in container.demux(video=0)
            if packet.size and packet.pts is not None and packet.pos is not None
        ]
    _, at, size = next(packet for packet in packets if packet[0] >= 1.0)
    data[at : at + size] = bytes(size)
    clip.write_bytes(data)
    outcome = sample_file(clip, tmp_path / "w", every_s=0.2, mode="all")
    assert [(drop["item"], drop["reason"]) for drop in outcome.drops] == [
        ("1.000s", "undecodable"),
        ("1.200s", "undecodable"),
    ]
    assert [number_of(picture) for picture in outcome.pictures][:6] == [0, 5, 10, 15, 20, 36]


def test_a_video_whose_pictures_are_all_garbage_is_refused(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    data = bytearray(clip.read_bytes())
    at = data.index(b"mdat") + 4
    data[at:] = random.Random(1).randbytes(len(data) - at)
    clip.write_bytes(data)
    with pytest.raises(SourceError, match="No frame of the video could be decoded"):
        sample_file(clip, tmp_path / "w")
