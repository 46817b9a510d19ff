"""The same person in neighbouring frames, flat or out of a 360 sphere."""

from dataclasses import replace

import pytest

from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Crop
from tasks.common.schema.views import View
from tasks.common.similarity.tracks import find_tracks
from tests.dataset.crops import Crop as CropExample
from tests.deduplicate.builders import run_crop

BOX = Box(10, 0, 30, 100)


def at(name: str, time_s: float, box: Box = BOX, view: View | None = None) -> Crop:
    row = run_crop("a", CropExample(name)).crop
    return replace(row, crop_id=name, time_s=time_s, person_box_xyxy=box, view=view)


def towards(yaw_deg: float, pitch_deg: float = 0.0) -> View:
    return View("rectilinear", yaw_deg, pitch_deg, 40.0)


def n_tracks(*crops: Crop) -> int:
    return len(set(find_tracks(crops).values()))


def test_a_person_who_moves_a_little_stays_one() -> None:
    assert n_tracks(at("a", 0.0), at("b", 0.5, Box(14, 0, 34, 100)), at("c", 1.0)) == 1


def test_people_side_by_side_are_two() -> None:
    assert n_tracks(at("a", 0.0), at("b", 0.5, Box(60, 0, 80, 100))) == 2


def test_after_a_second_without_them_a_track_ends() -> None:
    assert n_tracks(at("a", 0.0), at("b", 1.5)) == 2


def test_two_people_of_one_frame_are_never_one() -> None:
    assert n_tracks(at("a", 0.0), at("b", 0.0)) == 2


@pytest.mark.parametrize(
    ("first", "second", "n"),
    [
        pytest.param(towards(0), towards(8), 1, id="a step aside"),
        pytest.param(towards(178), towards(-176), 1, id="across the back"),
        pytest.param(towards(0), towards(40), 2, id="another direction, the same place in a view"),
        pytest.param(towards(0, 89), towards(90, 89), 1, id="at the zenith yaw says nothing"),
        pytest.param(towards(0), None, 2, id="a view and a flat frame"),
    ],
)
def test_in_a_sphere_directions_decide(first: View, second: View | None, n: int) -> None:
    assert n_tracks(at("a", 0.0, view=first), at("b", 0.5, view=second)) == n
