from pathlib import Path

import pytest

from tasks.common.recipe.models import SampleRecipe
from tasks.sample.plan import first_at_or_after_targets, make_plan
from tests.sample.running import sample_file
from tests.sample.videos import number_of, regular, write_numbered


@pytest.mark.parametrize(
    ("times", "every_s", "expected"),
    [
        pytest.param([], 1.0, [], id="no frame"),
        pytest.param([0.0], 1.0, [0.0], id="one frame"),
        pytest.param([0.0, 0.4, 0.8, 1.2, 1.6, 2.0], 1.0, [0.0, 1.2, 2.0], id="dense"),
        pytest.param([0.0, 5.0, 5.5, 6.0], 1.0, [0.0, 5.0, 6.0], id="a gap gives one frame"),
        pytest.param([0.3, 0.6, 1.0], 0.5, [0.3, 0.6, 1.0], id="late start"),
    ],
)
def test_each_target_takes_the_first_time_at_or_after_it(
    times: list[float], every_s: float, expected: list[float]
) -> None:
    assert list(first_at_or_after_targets(times, every_s)) == expected


@pytest.mark.service
@pytest.mark.parametrize(
    ("gop", "mode", "expected"),
    [
        pytest.param(4, "auto", [0, 8, 12, 16, 20, 28], id="dense: key frames only"),
        pytest.param(6, "auto", [0, 5, 10, 15, 20, 25], id="sparse: every frame"),
        pytest.param(250, "auto", [0, 5, 10, 15, 20, 25], id="one key frame: every frame"),
        pytest.param(4, "all", [0, 5, 10, 15, 20, 25], id="asked for all"),
        pytest.param(12, "keyframes", [0, 12, 24], id="asked for key frames"),
    ],
)
def test_the_mode_follows_how_dense_the_key_frames_are(
    tmp_path: Path, gop: int, mode: str, expected: list[int]
) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(30), gop=gop)
    outcome = sample_file(clip, tmp_path / "w", every_s=0.5, mode=mode)
    assert [number_of(picture) for picture in outcome.pictures] == expected
    assert outcome.times_s == [number / 10 for number in expected]
    assert outcome.result.n_in == len(expected)


@pytest.mark.service
@pytest.mark.parametrize("n_between", [0, 2])
@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_key_frames_come_out_right_from_every_container(
    tmp_path: Path, container: str, n_between: int
) -> None:
    clip = write_numbered(tmp_path / f"clip.{container}", regular(24), gop=6, n_between=n_between)
    outcome = sample_file(clip, tmp_path / "w", every_s=0.6, mode="keyframes")
    assert [number_of(picture) for picture in outcome.pictures] == [0, 6, 12, 18]
    assert outcome.drops == []


@pytest.mark.service
def test_max_frames_spreads_key_frames_over_the_whole_video(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(40), gop=2)
    outcome = sample_file(clip, tmp_path / "w", every_s=0.2, max_frames=4, mode="keyframes")
    assert [number_of(picture) for picture in outcome.pictures] == [0, 10, 20, 30]


@pytest.mark.service
def test_key_frames_exactly_one_step_apart_are_dense(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(30), gop=5)
    plan = make_plan(str(clip), 3.0, 0.1, SampleRecipe(every_s=0.5))
    assert plan.key_times == (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)


@pytest.mark.service
def test_a_cut_video_says_so_in_keyframes_mode_too(tmp_path: Path) -> None:
    clip = write_numbered(
        tmp_path / "clip.mp4", regular(60), gop=5, muxer={"movflags": "faststart"}
    )
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 6 // 10])
    outcome = sample_file(clip, tmp_path / "w", every_s=0.5, mode="keyframes")
    assert set(outcome.reasons) == {"truncated"}
