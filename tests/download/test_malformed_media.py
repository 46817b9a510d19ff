"""Files made to hurt: they cost their source and nothing else."""

import resource
from pathlib import Path

import av
import pytest
from PIL import Image

from benchmarks.fuzz import fuzz
from tasks.common.errors import SourceError
from tasks.common.media.limits import open_video
from tasks.common.settings import settings
from tests.download.fetching import fetch_from, files_below
from tests.sample.running import sample_file
from tests.sample.videos import grey, regular, write_numbered, write_video


@pytest.mark.service
@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("a.m3u8", "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", id="HLS"),
        pytest.param("a.mp4", "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\n{clip}\n", id="HLS as MP4"),
        pytest.param("a.txt", "ffconcat version 1.0\nfile {clip}\n", id="concat"),
        pytest.param("a.mpd", "<?xml?><MPD><BaseURL>{clip}</BaseURL></MPD>", id="DASH"),
        pytest.param("a.sdp", "v=0\nm=video 5004 RTP/AVP 96\nc=IN IP4 127.0.0.1\n", id="SDP"),
        pytest.param("a.svg", "<svg><image href='file:///etc/passwd'/></svg>", id="SVG"),
        pytest.param("a.eps", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", id="EPS"),
    ],
)
def test_a_file_that_names_other_files_leads_nowhere(tmp_path: Path, name: str, text: str) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(5))
    (tmp_path / name).write_text(text.format(clip=clip))
    with pytest.raises(SourceError):
        fetch_from(tmp_path / name, tmp_path / "w")
    assert files_below(tmp_path / "w") == []


@pytest.mark.service
def test_only_the_allowed_demuxers_open_a_file(tmp_path: Path) -> None:
    write_numbered(tmp_path / "clip.mp4", regular(5))
    (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile clip.mp4\n")
    with av.open(str(tmp_path / "a.mp4")) as container:  # so it would be without the list
        assert container.format.name == "concat"
    with pytest.raises(av.FFmpegError):
        open_video(tmp_path / "a.mp4")


@pytest.mark.service
def test_a_codec_that_is_not_allowed_is_refused_by_name(tmp_path: Path) -> None:
    clip = write_video(
        tmp_path / "a.avi",
        ((0.1 * n, grey(90)) for n in range(3)),
        codec="ffvhuff",
    )
    with pytest.raises(SourceError, match=r"codec of the video is ffvhuff; expected one of"):
        fetch_from(clip, tmp_path / "w")


@pytest.mark.service
def test_more_frames_than_the_recipe_allows_are_refused_before_decoding(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "a.mp4", regular(30))
    with pytest.raises(SourceError, match=r"declares 30 frames; .* 29 \(download.max_frames\)"):
        fetch_from(clip, tmp_path / "w", max_frames=29)
    assert fetch_from(clip, tmp_path / "w", max_frames=30).n_kept == 1


@pytest.mark.service
def test_a_file_that_takes_too_long_is_stopped_and_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_numbered(tmp_path / "a.mp4", regular(250, 25), rate=25)
    sample_file(clip, tmp_path / "w", every_s=0.1, mode="all")
    monkeypatch.setenv("MATTEFLOW_DECODE_S", "0.01")
    settings.cache_clear()
    with pytest.raises(SourceError, match=r"Decoding was stopped: .*raise MATTEFLOW_DECODE_S"):
        sample_file(clip, tmp_path / "w", every_s=0.1, mode="all")


@pytest.mark.service
def test_a_picture_that_wants_too_much_memory_is_stopped_and_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (9000, 9000)).save(
        tmp_path / "a.png", compress_level=1
    )  # 243 MB when it is open
    monkeypatch.setenv("MATTEFLOW_DECODE_MEMORY_MB", "256")
    settings.cache_clear()
    with pytest.raises(SourceError, match=r"stopped: .*256 MB.*MATTEFLOW_DECODE_MEMORY_MB"):
        sample_file(tmp_path / "a.png", tmp_path / "w")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 << 20  # kB; we did not open it


@pytest.mark.slow
def test_hundreds_of_damaged_files_end_in_verdicts(tmp_path: Path) -> None:
    here = settings().model_copy(update={"decode_memory_mb": 512, "decode_s": 20.0})
    found = fuzz(480, tmp_path, here)
    assert sum(found.outcomes.values()) == 480
    by_outcome = {outcome for _, _, outcome in found.outcomes}
    assert {"refused", "frames and drops", "whole"} <= by_outcome
    assert found.slowest_s < 60.0
    assert [name for name in files_below(here.scratch) if not name.endswith(".lock")] == []
