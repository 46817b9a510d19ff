"""Rules on the detector's answer alone: extremes exactly, known boxes by arithmetic."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.filter.rules import detector_confidence, frame_cut, person_height_px, person_overlap
from tests.filter.builders import Corners, make_subject


@pytest.mark.parametrize(
    ("person", "share"),
    [
        pytest.param((50, 50, 50, 50), 1.0, id="empty box"),
        pytest.param((100, 50, 200, 250), 0.0, id="free"),
        pytest.param((0, 0, 400, 300), 1.0, id="fills the frame"),
        pytest.param((100, 100, 200, 300), 100 / 600, id="cut below"),
        pytest.param((100, 0, 200, 200), 100 / 600, id="cut above"),
        pytest.param((0, 50, 100, 250), 200 / 600, id="cut left"),
        pytest.param((300, 50, 400, 250), 200 / 600, id="cut right"),
        pytest.param((300, 100, 400, 300), 300 / 600, id="cut right and below"),
        pytest.param((1.5, 50, 101.5, 250), 200 / 600, id="two px count as touching"),
        pytest.param((3, 50, 103, 250), 0.0, id="three px do not"),
        pytest.param((-20, 50, 80, 250), 200 / 600, id="beyond the frame is on its border"),
    ],
)
def test_frame_cut_is_the_share_of_the_box_on_the_border(
    tmp_path: Path, person: Corners, share: float
) -> None:
    assert frame_cut.measure(make_subject(tmp_path, person=person)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("others", "share"),
    [
        pytest.param([], 0.0, id="alone"),
        pytest.param([(100, 50, 200, 250)], 1.0, id="same box"),
        pytest.param([(0, 0, 400, 300)], 1.0, id="inside another"),
        pytest.param([(150, 50, 300, 250)], 0.5, id="half"),
        pytest.param([(120, 70, 130, 80)], 0.005, id="a small one inside"),
        pytest.param([(150, 50, 300, 250), (190, 50, 300, 250)], 0.5, id="the largest counts"),
        pytest.param([(200, 50, 300, 250)], 0.0, id="touching"),
        pytest.param([(130, 80, 130, 80)], 0.0, id="an empty one"),
    ],
)
def test_person_overlap_is_the_largest_share_covered_by_one_other(
    tmp_path: Path, others: list[Corners], share: float
) -> None:
    assert person_overlap.measure(make_subject(tmp_path, others=others)) == pytest.approx(share)


def test_an_empty_box_is_covered_by_nobody(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, person=(50, 50, 50, 50), others=[(0, 0, 400, 300)])
    assert person_overlap.measure(subject) == 0.0


@pytest.mark.parametrize(
    ("person", "height_px"),
    [
        pytest.param((50, 50, 50, 50), 0.0, id="empty box"),
        pytest.param((100, 50, 200, 250), 200.0, id="known box"),
        pytest.param((100, 50.25, 200, 250.75), 200.5, id="parts of px count"),
    ],
)
def test_person_height_is_the_height_of_the_box(
    tmp_path: Path, person: Corners, height_px: float
) -> None:
    assert person_height_px.measure(make_subject(tmp_path, person=person)) == height_px


@pytest.mark.parametrize("confidence", [0.0, 0.37, 1.0])
def test_detector_confidence_is_what_the_detector_said(tmp_path: Path, confidence: float) -> None:
    subject = make_subject(tmp_path, confidence=confidence)
    assert detector_confidence.measure(subject) == confidence


coordinates = st.floats(0, 300, allow_nan=False)


@settings(deadline=None)
@given(x=coordinates, y=coordinates, w=st.floats(0.5, 100), h=st.floats(0.5, 100))
def test_shares_of_boxes_stay_between_nothing_and_everything(
    tmp_path_factory: pytest.TempPathFactory, x: float, y: float, w: float, h: float
) -> None:
    root = tmp_path_factory.mktemp("subject")
    person = (x, min(y, 200), x + w, min(y, 200) + h)
    subject = make_subject(root, person=person, others=[(50, 50, 150, 150)])
    assert 0 <= frame_cut.measure(subject) <= 1 + 1e-9
    assert 0 <= person_overlap.measure(subject) <= 1 + 1e-9
