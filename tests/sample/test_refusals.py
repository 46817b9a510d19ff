from pathlib import Path

import pytest
from PIL import Image

from tasks.common.media.images import Rgb
from tasks.sample.frames import StillFilter
from tests.sample.running import sample_file
from tests.sample.videos import grey, number_of, regular, write_numbered, write_video


def with_square(x_px: int, side_px: int, size_wh: tuple[int, int] = (320, 180)) -> Rgb:
    rgb = grey(60, size_wh)
    rgb[80 : 80 + side_px, x_px : x_px + side_px] = 230
    return rgb


@pytest.mark.service
def test_a_picture_that_does_not_move_goes_on_once(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", ((time_s, grey(90)) for time_s in regular(30)))
    outcome = sample_file(clip, tmp_path / "w", every_s=1.0)
    assert outcome.times_s == [0.0]
    assert [(drop["item"], drop["reason"]) for drop in outcome.drops] == [
        ("1.000s", "still"),
        ("2.000s", "still"),
    ]
    assert [drop["bound"] for drop in outcome.drops] == [4.0, 4.0]


@pytest.mark.service
def test_a_small_square_that_moves_is_no_still(tmp_path: Path) -> None:
    side_px = 10  # 3 % of the width
    pictures = [(second, with_square(40 * second, side_px)) for second in range(4)]
    clip = write_video(tmp_path / "clip.mp4", pictures, rate=1)
    outcome = sample_file(clip, tmp_path / "w", every_s=1.0)
    assert outcome.times_s == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.service
def test_a_slow_change_goes_on_once_it_adds_up(tmp_path: Path) -> None:
    pictures = [(second, grey(60 + 2 * second)) for second in range(7)]
    clip = write_video(tmp_path / "clip.mp4", pictures, rate=1)
    outcome = sample_file(clip, tmp_path / "w", every_s=1.0, mode="all", still_level=5.0)
    assert outcome.times_s == [0.0, 3.0, 6.0]


@pytest.mark.service
def test_a_still_level_of_zero_keeps_everything(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", ((time_s, grey(90)) for time_s in regular(20)))
    outcome = sample_file(clip, tmp_path / "w", every_s=1.0, still_level=0.0)
    assert outcome.times_s == [0.0, 1.0]


@pytest.mark.parametrize(
    ("change", "is_still"),
    [
        pytest.param(None, False, id="the first picture"),
        pytest.param(0.0, True, id="the same picture"),
        pytest.param(3.9, True, id="just below the level"),
        pytest.param(4.0, False, id="at the level"),
    ],
)
def test_a_still_changes_less_than_the_level(change: float | None, is_still: bool) -> None:
    assert StillFilter(4.0).is_still(change) is is_still


def test_the_change_is_that_of_the_cell_that_changed_most() -> None:
    stills = StillFilter(4.0)
    after = grey(100, (640, 360))
    after[0:10, 0:10] = 150  # exactly one cell of the 64 x 36 grid
    assert stills.largest_change(grey(100, (640, 360))) is None
    assert stills.largest_change(after) == 50.0


@pytest.mark.service
@pytest.mark.parametrize(
    ("size_wh", "n_kept"),
    [
        pytest.param((64, 64), 1, id="as small as allowed"),
        pytest.param((200, 63), 0, id="one row too few"),
        pytest.param((63, 200), 0, id="one column too few"),
        pytest.param((1, 1), 0, id="one pixel"),
    ],
)
def test_a_picture_with_a_side_below_the_limit_is_dropped(
    tmp_path: Path, size_wh: tuple[int, int], n_kept: int
) -> None:
    Image.fromarray(grey(90, size_wh)).save(tmp_path / "photo.png")
    outcome = sample_file(tmp_path / "photo.png", tmp_path / "w", min_side_px=64)
    assert outcome.result.n_kept == n_kept
    assert [(d["reason"], d["value"], d["bound"]) for d in outcome.drops] == [
        ("frame_too_small", min(size_wh), 64.0)
    ] * (1 - n_kept)


@pytest.mark.service
def test_every_frame_of_a_tiny_video_is_dropped_and_accounted_for(tmp_path: Path) -> None:
    pictures = [(time_s, grey(90, (48, 32))) for time_s in regular(30)]
    clip = write_video(tmp_path / "clip.mp4", pictures)
    outcome = sample_file(clip, tmp_path / "w", every_s=1.0)
    assert outcome.reasons == ["frame_too_small"] * 3
    assert (outcome.result.n_in, outcome.result.n_out) == (3, 0)


@pytest.mark.service
def test_a_picture_that_moves_is_kept_whatever_its_number(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(32))
    outcome = sample_file(clip, tmp_path / "w", every_s=0.1)
    assert [number_of(picture) for picture in outcome.pictures] == list(range(32))
