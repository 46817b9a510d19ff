"""Each rule measures what it says: extremes exactly, known rectangles by arithmetic."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.filter.rules import (
    RULES,
    detector_confidence,
    frame_cut,
    frame_cut_mask,
    mask_whole,
    person_height_px,
    person_overlap,
    person_overlap_mask,
    sharpness,
    subject_share,
)
from tests.filter.builders import make_subject

FRAME = (400, 300)


def mask_of(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((FRAME[1], FRAME[0]), np.uint8)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = 1
    return mask


@pytest.mark.parametrize(
    ("person", "share"),
    [
        pytest.param((100, 50, 200, 250), 0.0, id="free"),
        pytest.param((0, 0, 400, 300), 1.0, id="fills the frame"),
        pytest.param((100, 100, 200, 300), 100 / 600, id="cut below"),
        pytest.param((0, 50, 100, 250), 200 / 600, id="cut left"),
        pytest.param((1.5, 50, 101.5, 250), 200 / 600, id="two px count as touching"),
        pytest.param((3, 50, 103, 250), 0.0, id="three px do not"),
        pytest.param((50, 50, 50, 50), 1.0, id="empty box"),
    ],
)
def test_frame_cut_is_the_share_of_the_box_on_the_border(
    tmp_path: Path, person: tuple[float, float, float, float], share: float
) -> None:
    assert frame_cut.measure(make_subject(tmp_path, person=person)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("others", "share"),
    [
        pytest.param([], 0.0, id="alone"),
        pytest.param([(100, 50, 200, 250)], 1.0, id="same box"),
        pytest.param([(0, 0, 400, 300)], 1.0, id="inside another"),
        pytest.param([(150, 50, 300, 250)], 0.5, id="half"),
        pytest.param([(150, 50, 300, 250), (190, 50, 300, 250)], 0.5, id="the largest counts"),
        pytest.param([(200, 50, 300, 250)], 0.0, id="touching"),
    ],
)
def test_person_overlap_is_the_largest_share_covered_by_one_other(
    tmp_path: Path, others: list[tuple[float, float, float, float]], share: float
) -> None:
    assert person_overlap.measure(make_subject(tmp_path, others=others)) == pytest.approx(share)


def test_person_height_is_the_height_of_the_box(tmp_path: Path) -> None:
    assert person_height_px.measure(make_subject(tmp_path)) == 200


def test_detector_confidence_is_what_the_detector_said(tmp_path: Path) -> None:
    assert detector_confidence.measure(make_subject(tmp_path, confidence=0.37)) == 0.37


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if rule.needs_mask])
def test_a_rule_that_needs_a_mask_measures_nothing_without_one(tmp_path: Path, rule: str) -> None:
    assert RULES[rule].measure(make_subject(tmp_path)) is None


@pytest.mark.parametrize("rule", ["mask_whole", "frame_cut_mask", "person_overlap_mask"])
def test_an_empty_mask_is_not_measurable_rather_than_perfect(tmp_path: Path, rule: str) -> None:
    assert RULES[rule].measure(make_subject(tmp_path, mask=mask_of())) is None


@pytest.mark.parametrize(
    ("boxes", "whole"),
    [
        pytest.param([(0, 0, 400, 300)], 1.0, id="everything"),
        pytest.param([(10, 10, 11, 11)], 1.0, id="one pixel"),
        pytest.param([(0, 0, 30, 30), (100, 100, 110, 110)], 0.9, id="a speck of a tenth"),
        pytest.param([(0, 0, 10, 10), (50, 50, 60, 60)], 0.5, id="two halves"),
        pytest.param([(0, 0, 10, 10), (10, 10, 20, 20)], 1.0, id="corners touch"),
    ],
)
def test_mask_whole_is_the_share_of_the_largest_part(
    tmp_path: Path, boxes: list[tuple[int, int, int, int]], whole: float
) -> None:
    assert mask_whole.measure(make_subject(tmp_path, mask=mask_of(*boxes))) == pytest.approx(whole)


def test_a_pinhole_counts_against_the_mask_and_an_arm_on_the_hip_does_not(tmp_path: Path) -> None:
    pinhole, ring = mask_of((0, 0, 100, 100)), mask_of((0, 0, 100, 100))
    pinhole[50:55, 50:55] = 0
    ring[30:70, 30:70] = 0
    assert mask_whole.measure(make_subject(tmp_path, mask=pinhole)) == pytest.approx(9975 / 10000)
    assert mask_whole.measure(make_subject(tmp_path, mask=ring)) == 1.0


@pytest.mark.parametrize(
    ("boxes", "tight", "share"),
    [
        pytest.param([], (0, 0, 400, 300), 0.0, id="nobody"),
        pytest.param([(0, 0, 400, 300)], (0, 0, 400, 300), 1.0, id="everything"),
        pytest.param([(0, 0, 200, 300)], (0, 0, 400, 300), 0.5, id="half"),
        pytest.param([(10, 10, 20, 20)], (10, 10, 20, 20), 1.0, id="of the published cut only"),
    ],
)
def test_subject_share_is_mask_area_over_picture_area(
    tmp_path: Path,
    boxes: list[tuple[int, int, int, int]],
    tight: tuple[int, int, int, int],
    share: float,
) -> None:
    subject = make_subject(tmp_path, mask=mask_of(*boxes), tight=tight)
    assert subject_share.measure(subject) == share


@pytest.mark.parametrize(
    ("box", "share"),
    [
        pytest.param((100, 50, 200, 250), 0.0, id="free"),
        pytest.param((0, 0, 400, 300), 1.0, id="fills the frame"),
        pytest.param((100, 290, 110, 300), 10 / 36, id="a square on the lower border"),
    ],
)
def test_frame_cut_mask_is_the_share_of_the_outline_on_the_border(
    tmp_path: Path, box: tuple[int, int, int, int], share: float
) -> None:
    subject = make_subject(tmp_path, mask=mask_of(box))
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
    ],
)
def test_person_overlap_mask_is_the_share_of_the_mask_in_anothers_box(
    tmp_path: Path, others: list[tuple[float, float, float, float]], share: float
) -> None:
    mask, tight = mask_of((100, 50, 200, 250)), (80, 40, 220, 260)
    subject = make_subject(tmp_path, others=others, mask=mask, tight=tight)
    assert person_overlap_mask.measure(subject) == pytest.approx(share)


def test_the_edge_of_a_cut_inside_the_frame_is_not_the_frames_border(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, mask=mask_of((50, 50, 100, 100)), tight=(50, 50, 100, 100))
    assert frame_cut_mask.measure(subject) == 0.0


def textured(size: int, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_NEAREST)


def sharpness_of(tmp_path: Path, rgb: np.ndarray) -> float | None:
    height, width = rgb.shape[:2]
    frame_wh, box = (width, height), (0, 0, width, height)
    return sharpness.measure(make_subject(tmp_path, rgb=rgb, frame_wh=frame_wh, person=box))


def test_a_flat_picture_has_no_edges_to_judge(tmp_path: Path) -> None:
    assert sharpness_of(tmp_path, np.full((192, 192, 3), 90, np.uint8)) is None


def test_blur_lowers_sharpness_step_by_step(tmp_path: Path) -> None:
    picture = textured(384)
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (2, 4, 8)]
    values = [sharpness_of(tmp_path, rgb) for rgb in (picture, *blurred)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 3 * values[3]


@pytest.mark.parametrize("size", [192, 384, 768])
def test_sharpness_hardly_depends_on_resolution(tmp_path: Path, size: int) -> None:
    expected = sharpness_of(tmp_path, textured(384))
    assert sharpness_of(tmp_path, textured(size)) == pytest.approx(expected, rel=0.25)


def test_sharpness_does_not_depend_on_contrast_and_light(tmp_path: Path) -> None:
    picture = textured(384)
    dim = (picture * 0.5 + 20).astype(np.uint8)
    assert sharpness_of(tmp_path, dim) == pytest.approx(sharpness_of(tmp_path, picture), rel=0.02)


coordinates = st.floats(0, 300, allow_nan=False)


@given(x=coordinates, y=coordinates, w=st.floats(0.5, 100), h=st.floats(0.5, 100))
def test_shares_of_boxes_stay_between_nothing_and_everything(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, w: float, h: float
) -> None:
    root = tmp_path_factory.mktemp("subject")
    person = (x, min(y, 200), x + w, min(y, 200) + h)
    subject = make_subject(root, person=person, others=[(50, 50, 150, 150)])
    assert 0 <= frame_cut.measure(subject) <= 1 + 1e-9
    assert 0 <= person_overlap.measure(subject) <= 1 + 1e-9
