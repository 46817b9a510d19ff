"""Annotators are rated by hidden known masks and by each other; who is off is found soon."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.annotate.known import with_known
from tasks.annotate.order import MANIFEST, load_order
from tasks.annotate.pick import Picked
from tasks.annotate.quality import OFF_BELOW, boundary_f, rate_annotators
from tasks.annotate.send import plan_order, write_order
from tasks.common.media.images import Mask
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.schema.boxes import Box
from tasks.common.workspace.corrections import applied, read_corrections
from tests.annotate.builders import (
    MEDIA,
    NOW,
    corrected,
    edited,
    mask_of,
    workspace,
    write_crops,
    write_mattes,
)
from tests.annotate.orders import base_of, received, run_crops
from tests.annotate.routes import Came, png_folder


def person(seed: int) -> Mask:
    """Return a body of a head, a trunk and limbs, uint8 (240, 160)."""
    random = np.random.default_rng(seed)
    mask = np.zeros((240, 160), np.uint8)
    cv2.circle(mask, (80, 40), int(random.integers(14, 24)), 1, -1)
    half = int(random.integers(20, 32))
    cv2.ellipse(mask, (80, 110), (half, 55), 0, 0, 360, 1, -1)
    for x, y in ((50, 225), (110, 225), (20, 120), (140, int(random.integers(60, 150)))):
        cv2.line(mask, (80, 120), (x, y), 1, int(random.integers(12, 20)))
    return mask


def careful(mask: Mask, seed: int) -> Mask:
    """Return the mask with an outline that wavers by at most a pixel."""
    random = np.random.default_rng(seed)
    kernel = np.ones((3, 3), np.uint8)
    noise = random.random(mask.shape)
    wide, narrow = cv2.dilate(mask, kernel), cv2.erode(mask, kernel)
    wavering = np.where(noise < 0.3, wide, np.where(noise > 0.7, narrow, mask))
    return np.asarray(wavering, np.uint8)


KERNEL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
FIVE_OFF: dict[str, Callable[[Mask], Any]] = {
    "too wide": lambda mask: cv2.dilate(mask, KERNEL),
    "too narrow": lambda mask: cv2.erode(mask, KERNEL),
    "beside": lambda mask: np.roll(mask, (4, 3), axis=(0, 1)),
}


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1))
def test_who_wavers_by_a_pixel_is_not_off_and_who_is_off_by_five_is(seed: int) -> None:
    known = person(seed)
    assert boundary_f(careful(known, seed), known) > 0.95
    for how, off in FIVE_OFF.items():
        assert boundary_f(np.asarray(off(known), np.uint8), known) < OFF_BELOW, how


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        pytest.param(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), 1.0, id="both empty"),
        pytest.param(np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8), 0.0, id="one empty"),
        pytest.param(np.ones((4, 4), np.uint8), np.ones((4, 4), np.uint8), 1.0, id="equal"),
    ],
)
def test_the_extremes_of_the_f_measure(first: Mask, second: Mask, value: float) -> None:
    assert boundary_f(first, second) == value


def an_order_with_a_known_mask(folder: Path) -> str:
    """Send the right person's crop, after the left one's was corrected by ann."""
    crops = write_crops()
    mattes = write_mattes(crops)
    corrected(crops, mattes, edited(mask_of(mattes), Box(0, 20, 6, 30)))
    left, right = run_crops()
    picked = with_known([Picked(right, 0.5, "t", 1)], [left, right], RuleBounds(), workspace())
    order = plan_order(picked, "run-1", "png", NOW, workspace())
    write_order(order, picked, folder, workspace())
    return order.order


def test_one_hidden_known_mask_goes_out_with_up_to_twenty_others_and_nobody_can_tell(
    tmp_path: Path,
) -> None:
    name = an_order_with_a_known_mask(tmp_path / "out")
    items = load_order(name, workspace()).items
    assert sorted(item.is_check for item in items) == [False, True]
    text = (tmp_path / "out" / MANIFEST).read_text()
    assert '"is_check": true' not in text
    assert "human" not in text
    # As it was sent the first time, without the correction.
    known = next(n for n, item in enumerate(items) if item.is_check)
    order = load_order(name, workspace())
    assert (base_of(order, known) == mask_of(write_mattes(write_crops()))).all()


def test_an_annotator_who_is_off_by_five_pixels_is_found_by_one_order_of_twenty(
    tmp_path: Path,
) -> None:
    name = an_order_with_a_known_mask(tmp_path / "out")
    order = load_order(name, workspace())
    rgb = np.zeros((1, 1, 3), np.uint8)
    for annotator, change in (("bad", lambda m: cv2.dilate(m, KERNEL)), ("good", lambda m: m)):
        (tmp_path / annotator).mkdir()
        truth = [
            edited(base_of(order, n), Box(0, 20, 6, 30)) if item.is_check else base_of(order, n)
            for n, item in enumerate(order.items)
        ]
        came = [
            Came(item.sample, rgb, np.asarray(change(mask), np.uint8))
            for item, mask in zip(order.items, truth, strict=True)
        ]
        received(png_folder(came, tmp_path / annotator), order, annotator=annotator)
    ratings = {rating.annotator: rating for rating in rate_annotators(workspace())}
    assert {name: rating.is_off for name, rating in ratings.items()} == {
        "ann": False,
        "bad": True,
        "good": False,
    }
    assert (ratings["ann"].n_compared, ratings["good"].iou) == (0, 1.0)


def test_what_was_drawn_on_a_known_mask_changes_no_published_mask(tmp_path: Path) -> None:
    name = an_order_with_a_known_mask(tmp_path / "out")
    order = load_order(name, workspace())
    before = applied(read_corrections(workspace(), MEDIA))
    known = next(n for n, item in enumerate(order.items) if item.is_check)
    wide = np.asarray(cv2.dilate(base_of(order, known), KERNEL), np.uint8)
    (tmp_path / "back").mkdir()
    came = [Came(order.items[known].sample, np.zeros((1, 1, 3), np.uint8), wide)]
    received(png_folder(came, tmp_path / "back"), order, annotator="bob")
    assert applied(read_corrections(workspace(), MEDIA)) == before
    assert len(read_corrections(workspace(), MEDIA)) == len(before) + 1


def test_two_people_on_one_sent_mask_rate_each_other() -> None:
    crops = write_crops()
    mattes = write_mattes(crops)
    for number, name in enumerate(("ann", "bob")):
        human = edited(mask_of(mattes), Box(0, 20, 6, 30 + number))
        corrected(crops, mattes, human, annotator=name, minutes_later=number, minutes=2.0 + number)
    ann, bob = rate_annotators(workspace())
    assert (ann.n_compared, bob.n_compared, ann.iou == bob.iou) == (1, 1, True)
    assert (ann.minutes, bob.minutes, ann.is_off) == (2.0, 3.0, False)


def test_without_corrections_nobody_is_rated() -> None:
    assert rate_annotators(workspace()) == []
