"""Rules on the mask's shape: extremes exactly, known rectangles by arithmetic."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.filter.rules import (
    expected_iou,
    frame_cut_mask,
    mask_whole,
    object_overlap,
    other_people,
    person_overlap_mask,
    subject_share,
)
from tasks.filter.subject import Subject
from tests.filter.builders import N_POINTS, Corners, make_pose, make_subject, mask_of

Cut = tuple[int, int, int, int]
WHOLE: Cut = (0, 0, 400, 300)


@pytest.mark.parametrize(
    ("boxes", "whole"),
    [
        pytest.param([WHOLE], 1.0, id="everything"),
        pytest.param([(10, 10, 11, 11)], 1.0, id="one pixel"),
        pytest.param([(0, 0, 30, 30), (100, 100, 110, 110)], 0.9, id="a speck of a tenth"),
        pytest.param([(0, 0, 10, 10), (50, 50, 60, 60)], 0.5, id="two halves"),
        pytest.param([(0, 0, 10, 10), (10, 10, 20, 20)], 1.0, id="corners touch"),
        pytest.param([(0, 0, 10, 10), (11, 11, 21, 21)], 0.5, id="corners do not quite touch"),
    ],
)
def test_mask_whole_is_the_share_of_the_largest_part(
    tmp_path: Path, boxes: list[Cut], whole: float
) -> None:
    assert mask_whole.measure(make_subject(tmp_path, mask=mask_of(*boxes))) == pytest.approx(whole)


def test_a_pinhole_counts_against_the_mask_and_an_arm_on_the_hip_does_not(tmp_path: Path) -> None:
    pinhole, ring = mask_of((0, 0, 100, 100)), mask_of((0, 0, 100, 100))
    pinhole[50:55, 50:55] = 0
    ring[30:70, 30:70] = 0
    assert mask_whole.measure(make_subject(tmp_path, mask=pinhole)) == pytest.approx(9975 / 10000)
    assert mask_whole.measure(make_subject(tmp_path, mask=ring)) == 1.0


def test_a_part_that_left_the_mask_counts_against_it(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, mask=mask_of((0, 0, 30, 30)), foreign_share=0.1)
    assert mask_whole.measure(subject) == pytest.approx(0.9)


def test_what_is_not_published_of_the_mask_does_not_break_it(tmp_path: Path) -> None:
    mask, tight = mask_of((0, 0, 30, 30), (100, 100, 130, 130)), (90, 90, 140, 140)
    assert mask_whole.measure(make_subject(tmp_path, mask=mask, tight=tight)) == 1.0


@pytest.mark.parametrize(
    ("boxes", "tight", "share"),
    [
        pytest.param([], WHOLE, 0.0, id="nobody"),
        pytest.param([WHOLE], WHOLE, 1.0, id="everything"),
        pytest.param([(7, 7, 8, 8)], WHOLE, 1 / 120_000, id="one pixel"),
        pytest.param([(0, 0, 200, 300)], WHOLE, 0.5, id="half"),
        pytest.param([(10, 10, 20, 20)], (10, 10, 20, 20), 1.0, id="of the published cut only"),
    ],
)
def test_subject_share_is_mask_area_over_picture_area(
    tmp_path: Path, boxes: list[Cut], tight: Cut, share: float
) -> None:
    subject = make_subject(tmp_path, mask=mask_of(*boxes), tight=tight)
    assert subject_share.measure(subject) == share


@pytest.mark.parametrize(
    ("box", "tight", "share"),
    [
        pytest.param((100, 50, 200, 250), WHOLE, 0.0, id="free"),
        pytest.param(WHOLE, WHOLE, 1.0, id="fills the frame"),
        pytest.param((0, 0, 1, 1), WHOLE, 1.0, id="one pixel in the corner"),
        pytest.param((1, 1, 2, 2), WHOLE, 0.0, id="one pixel beside it"),
        pytest.param((100, 290, 110, 300), WHOLE, 10 / 36, id="a square on the lower border"),
        pytest.param((0, 100, 10, 110), WHOLE, 10 / 36, id="on the left border"),
        pytest.param((390, 100, 400, 110), (380, 90, 400, 120), 10 / 36, id="on the right border"),
        pytest.param((100, 0, 110, 10), (90, 0, 120, 20), 10 / 36, id="on the upper border"),
        pytest.param((50, 50, 60, 60), (50, 50, 60, 60), 0.0, id="a cut's edge is no frame border"),
    ],
)
def test_frame_cut_mask_is_the_share_of_the_outline_on_the_border(
    tmp_path: Path, box: Cut, tight: Cut, share: float
) -> None:
    subject = make_subject(tmp_path, mask=mask_of(box), tight=tight)
    assert frame_cut_mask.measure(subject) == pytest.approx(share)


@pytest.mark.parametrize(
    ("frame_wh", "crop_at", "share"),
    [
        pytest.param((400, 300), (0, 0), 1.0, id="the crop is the frame"),
        pytest.param((500, 400), (50, 50), 0.0, id="the frame goes on around it"),
        pytest.param((400, 400), (0, 0), 998 / 1396, id="the frame goes on below"),
    ],
)
def test_the_border_is_the_frames_and_not_the_crops(
    tmp_path: Path, frame_wh: tuple[int, int], crop_at: tuple[int, int], share: float
) -> None:
    rgb = np.zeros((300, 400, 3), np.uint8)
    subject = make_subject(
        tmp_path, rgb=rgb, frame_wh=frame_wh, crop_at=crop_at, mask=mask_of(WHOLE)
    )
    assert frame_cut_mask.measure(subject) == pytest.approx(share)


@pytest.mark.parametrize(
    ("others", "share"),
    [
        pytest.param([], 0.0, id="alone"),
        pytest.param([(0, 0, 400, 300)], 1.0, id="everywhere"),
        pytest.param([(150, 0, 400, 300)], 0.5, id="half"),
        pytest.param([(150, 0, 400, 300), (175, 0, 400, 300)], 0.5, id="the largest counts"),
        pytest.param([(250, 0, 400, 300)], 0.0, id="beside"),
        pytest.param([(-90, -90, -10, -10)], 0.0, id="outside the picture"),
        pytest.param([(120, 60, 121, 61)], 1 / 20_000, id="one pixel"),
    ],
)
def test_person_overlap_mask_is_the_share_of_the_mask_in_anothers_box(
    tmp_path: Path, others: list[Corners], share: float
) -> None:
    mask, tight = mask_of((100, 50, 200, 250)), (80, 40, 220, 260)
    subject = make_subject(tmp_path, others=others, mask=mask, tight=tight)
    assert person_overlap_mask.measure(subject) == pytest.approx(share)


@pytest.mark.parametrize(
    ("others", "share"),
    [
        pytest.param([], 0.0, id="alone"),
        pytest.param([(200, 40, 220, 260)], 20 / 140, id="beside the mask"),
        pytest.param([(200, 40, 210, 260), (205, 40, 220, 260)], 20 / 140, id="all of them count"),
        pytest.param([(100, 50, 200, 250)], 0.0, id="on the mask, which stays"),
        pytest.param([(300, 0, 400, 300)], 0.0, id="beside the picture"),
    ],
)
def test_other_people_is_the_share_of_the_picture_in_their_boxes_beside_the_mask(
    tmp_path: Path, others: list[Corners], share: float
) -> None:
    mask, tight = mask_of((100, 50, 200, 250)), (80, 40, 220, 260)
    subject = make_subject(tmp_path, others=others, mask=mask, tight=tight)
    assert other_people.measure(subject) == pytest.approx(share)


BAG: Corners = (200.0, 150.0, 240.0, 200.0)


def _with_a_bag(root: Path, *, body: Cut, **facts: Any) -> Subject:
    """Return a person of 100 x 200 px whose mask also holds a bag of 40 x 50 px beside them."""
    mask = mask_of((100, 50, 200, 250), (200, 150, 240, 200))
    points = np.zeros((N_POINTS, 2), np.float32)
    pose = make_pose(root, points=points, seen=(0.9,) * N_POINTS, mask=mask_of(body) * 255)
    return make_subject(root, mask=mask, pose=pose, **facts)


@pytest.mark.parametrize(
    ("objects", "share"),
    [
        pytest.param([], 0.0, id="none"),
        # The body is widened by 4 % of 200 px: 8 of the bag's 40 columns are the person's then.
        pytest.param([BAG], 32 * 50 / (20_000 + 2_000), id="a bag in the mask"),
        pytest.param([BAG, BAG], 32 * 50 / (20_000 + 2_000), id="the same bag twice"),
        pytest.param([(90.0, 205.0, 210.0, 260.0)], 0.0, id="a bicycle under the legs"),
        pytest.param([(300.0, 0.0, 400.0, 100.0)], 0.0, id="a ball far away"),
    ],
)
def test_object_overlap_is_the_share_of_the_mask_in_things_beside_the_body(
    tmp_path: Path, objects: list[Corners], share: float
) -> None:
    subject = _with_a_bag(tmp_path, body=(100, 50, 200, 250), objects=objects)
    assert object_overlap.measure(subject) == pytest.approx(share)


@pytest.mark.parametrize("missing", ["objects", "pose"])
def test_object_overlap_is_unknown_without_objects_or_a_pose_mask(
    missing: str, tmp_path: Path
) -> None:
    facts: dict[str, Any] = {"objects": [BAG]} if missing == "pose" else {}
    subject = make_subject(tmp_path, mask=mask_of((100, 50, 200, 250)), **facts)
    assert object_overlap.measure(subject) is None


def test_expected_iou_is_what_the_alpha_expects(tmp_path: Path) -> None:
    mask = mask_of((100, 50, 200, 250))
    alpha = mask * 204  # 0.8 on the person
    alpha[0:40, 0:100] = 51  # 0.2 on 4,000 px beside it
    subject = make_subject(tmp_path, mask=mask, alpha=alpha)
    assert expected_iou.measure(subject) == pytest.approx(0.8 * 20_000 / (20_000 + 800))
    sure = make_subject(tmp_path, mask=mask)
    assert expected_iou.measure(sure) == 1.0


def test_anothers_box_is_found_again_in_a_crop_out_of_the_frame(tmp_path: Path) -> None:
    subject = make_subject(
        tmp_path,
        rgb=np.zeros((300, 400, 3), np.uint8),
        frame_wh=(1000, 800),
        crop_at=(500, 400),
        others=[(650, 400, 1000, 800)],
        mask=mask_of((100, 50, 200, 250)),
    )
    assert person_overlap_mask.measure(subject) == 0.5


def test_a_mask_that_fills_a_large_picture_is_whole(tmp_path: Path) -> None:
    mask = np.ones((1000, 1000), np.uint8)
    subject = make_subject(tmp_path, frame_wh=(1000, 1000), mask=mask)
    assert mask_whole.measure(subject) == 1.0
