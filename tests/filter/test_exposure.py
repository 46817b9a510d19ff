"""How much of a person is lost in black or white."""

from pathlib import Path

import numpy as np
import pytest

from tasks.filter.rules import exposure
from tests.filter.builders import Corners, make_pose, make_subject, mask_of, plain_picture

PERSON: Corners = (100, 50, 200, 250)
WHOLE: Corners = (0, 0, 400, 300)


@pytest.mark.parametrize(
    ("level", "lost"),
    [
        pytest.param(0, 1.0, id="black"),
        pytest.param(255, 1.0, id="white"),
        pytest.param(128, 0.0, id="grey"),
        pytest.param(8, 1.0, id="the last crushed level"),
        pytest.param(9, 0.0, id="the first that is not"),
        pytest.param(250, 1.0, id="the first blown level"),
        pytest.param(249, 0.0, id="the last that is not"),
        pytest.param((255, 0, 0), 0.0, id="full red holds a colour"),
        pytest.param((0, 0, 9), 0.0, id="a trace of blue"),
        pytest.param((255, 255, 249), 0.0, id="a trace of yellow"),
    ],
)
def test_a_plain_picture_is_lost_or_not(
    tmp_path: Path, level: int | tuple[int, int, int], lost: float
) -> None:
    assert exposure.measure(make_subject(tmp_path, rgb=plain_picture(level))) == lost


def test_the_value_is_the_share_of_lost_pixels_both_black_and_white(tmp_path: Path) -> None:
    rgb = plain_picture(128)
    rgb[:150, :200], rgb[150:, :200] = 0, 255
    assert exposure.measure(make_subject(tmp_path, person=WHOLE, rgb=rgb)) == 0.5


def test_what_surrounds_a_person_counts_for_nothing(tmp_path: Path) -> None:
    rgb = plain_picture(255)
    rgb[50:250, 100:200] = 128
    assert exposure.measure(make_subject(tmp_path, person=PERSON, rgb=rgb)) == 0.0


def test_the_pose_models_mask_says_which_pixels_are_the_persons(tmp_path: Path) -> None:
    rgb = plain_picture(128)
    rgb[50:150, 100:200] = 0
    pose = make_pose(tmp_path, mask=mask_of((100, 100, 200, 200)) * 255)
    lost = exposure.measure(make_subject(tmp_path, person=PERSON, rgb=rgb, pose=pose))
    assert lost == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "marked",
    [
        pytest.param(mask_of(), id="nothing"),
        pytest.param(mask_of((250, 50, 390, 250)) * 255, id="somebody outside the box"),
        pytest.param(mask_of((100, 50, 200, 250)) * 127, id="less than half sure"),
    ],
)
def test_a_pose_mask_without_the_person_leaves_the_ellipse_in_the_box(
    tmp_path: Path, marked: np.ndarray
) -> None:
    rgb = plain_picture(0)
    rgb[:, :150] = 128
    pose = make_pose(tmp_path, mask=marked)
    lost = exposure.measure(make_subject(tmp_path, person=PERSON, rgb=rgb, pose=pose))
    assert lost == 0.5


@pytest.mark.parametrize(
    "person",
    [
        pytest.param((50, 50, 50, 50), id="an empty box"),
        pytest.param((-90, -90, -10, -10), id="a box outside the picture"),
    ],
)
def test_a_box_that_holds_no_pixel_is_judged_by_the_whole_crop(
    tmp_path: Path, person: Corners
) -> None:
    rgb = plain_picture(128)
    rgb[:75] = 0
    assert exposure.measure(make_subject(tmp_path, person=person, rgb=rgb)) == 0.25
