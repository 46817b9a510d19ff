"""A smear is a blur in one direction: `sharpness` tells it, `ghosting` does not."""

from pathlib import Path

import numpy as np
import pytest

from tasks.common.recipe.bounds import ShareBounds
from tasks.common.recipe.models import load_recipe
from tasks.filter.blur import loss_to_blur
from tasks.filter.rules import RULES
from tests.filter.builders import make_subject, value_of
from tests.filter.pictures import shot, smeared

BOUNDS = load_recipe("people").filter


@pytest.mark.parametrize("angle_deg", [0, 45, 90])
@pytest.mark.parametrize("name", ["light coat", "dark coat"])
def test_a_smear_over_a_tenth_of_the_height_is_dropped_as_blurred(
    name: str, angle_deg: int, tmp_path: Path
) -> None:
    person = shot(name)
    blurred = person.showing(smeared(person.rgb, 0.1 * person.height_px, angle_deg))
    assert isinstance(BOUNDS.sharpness, ShareBounds)
    assert BOUNDS.sharpness.min is not None
    assert value_of(RULES["sharpness"], blurred.subject(tmp_path)) < BOUNDS.sharpness.min


@pytest.mark.parametrize("angle_deg", [0, 45, 90])
def test_a_smear_does_not_look_like_a_double_exposure(angle_deg: int, tmp_path: Path) -> None:
    person = shot("light coat")
    blurred = person.showing(smeared(person.rgb, 0.08 * person.height_px, angle_deg))
    assert isinstance(BOUNDS.ghosting, ShareBounds)
    assert BOUNDS.ghosting.max is not None
    assert value_of(RULES["ghosting"], blurred.subject(tmp_path)) <= BOUNDS.ghosting.max


def test_a_smear_from_side_to_side_loses_little_across_and_much_along(tmp_path: Path) -> None:
    tiles = np.random.default_rng(0).integers(0, 255, (12, 16, 1)).astype(np.uint8)
    picture = tiles.repeat(25, axis=0).repeat(25, axis=1).repeat(3, axis=2)
    subject = make_subject(tmp_path, rgb=smeared(picture, 20, 0))
    loss = loss_to_blur(subject)
    assert loss is not None
    assert loss.least < 0.5 * loss.most


def test_stripes_in_one_direction_are_judged_by_their_own_edges(tmp_path: Path) -> None:
    stripes = np.zeros((300, 400, 3), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 255
    loss = loss_to_blur(make_subject(tmp_path, rgb=stripes))
    assert loss is not None
    assert 0.5 < loss.least <= loss.most <= 1.0


def test_a_flat_person_has_no_edges_to_judge(tmp_path: Path) -> None:
    flat = np.full((300, 400, 3), 90, np.uint8)
    assert loss_to_blur(make_subject(tmp_path, rgb=flat)) is None
