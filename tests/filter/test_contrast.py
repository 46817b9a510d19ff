"""How far the colours inside the outline are from those outside it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.filter.rules import contrast
from tests.filter.builders import make_subject, mask_of, plain_picture

Colour = tuple[int, int, int]
BODY = (100, 50, 200, 250)
BLACK, WHITE, GREY, RED = (0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0)


def measured(root: Path, inside: Colour, outside: Colour, gap_px: int = 0) -> float | None:
    """Paint a body on a wall; the mask is the body, or wider than it by a gap."""
    rgb = plain_picture(outside)
    x0, y0, x1, y1 = BODY
    rgb[y0:y1, x0:x1] = inside
    mask = mask_of((x0 - gap_px, y0 - gap_px, x1 + gap_px, y1 + gap_px))
    return contrast.measure(make_subject(root, rgb=rgb, mask=mask))


def colour_difference(one: Colour, other: Colour) -> float:
    pixels = np.array([[one, other]], np.float32) / 255
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab)[0]
    return float(np.hypot.reduce(lab[0] - lab[1]))


@pytest.mark.parametrize(
    "boxes",
    [
        pytest.param([], id="nobody"),
        pytest.param([(0, 0, 400, 300)], id="the whole picture, without an outside"),
        pytest.param([(200, 150, 201, 151)], id="one pixel, too little to have a colour"),
    ],
)
def test_without_an_outline_there_is_no_contrast_to_judge(
    tmp_path: Path, boxes: list[tuple[int, int, int, int]]
) -> None:
    subject = make_subject(tmp_path, rgb=plain_picture(GREY), mask=mask_of(*boxes))
    assert contrast.measure(subject) is None


@pytest.mark.parametrize(
    ("inside", "outside", "difference"),
    [
        pytest.param(GREY, GREY, 0.0, id="grey on grey"),
        pytest.param(BLACK, BLACK, 0.0, id="black on black"),
        pytest.param(BLACK, WHITE, 100.0, id="black on white"),
        pytest.param(WHITE, BLACK, 100.0, id="white on black"),
    ],
)
def test_the_extremes_come_out_as_colour_science_has_them(
    tmp_path: Path, inside: Colour, outside: Colour, difference: float
) -> None:
    assert measured(tmp_path, inside, outside) == pytest.approx(difference, abs=0.02)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        pytest.param(GREY, (138, 138, 138), id="a little lighter"),
        pytest.param(RED, (0, 0, 255), id="red on blue"),
        pytest.param(RED, (148, 148, 148), id="as light but coloured"),
    ],
)
def test_the_value_is_the_difference_of_two_plain_colours(
    tmp_path: Path, inside: Colour, outside: Colour
) -> None:
    expected = colour_difference(inside, outside)
    assert expected > 3
    assert measured(tmp_path, inside, outside) == pytest.approx(expected, rel=0.01)


def test_a_mask_that_misses_the_outline_by_far_shows_no_contrast(tmp_path: Path) -> None:
    assert measured(tmp_path, BLACK, WHITE, gap_px=30) == pytest.approx(0.0, abs=0.02)


def test_a_quarter_of_the_outline_without_contrast_does_not_move_the_median(
    tmp_path: Path,
) -> None:
    rgb = plain_picture(WHITE)
    rgb[50:250, 100:200] = 0
    rgb[150:250, 200:] = 0
    value = contrast.measure(make_subject(tmp_path, rgb=rgb, mask=mask_of(BODY)))
    assert value == pytest.approx(100.0, abs=0.02)


def test_most_of_the_outline_without_contrast_does(tmp_path: Path) -> None:
    rgb = plain_picture(BLACK)
    rgb[:50] = 255
    value = contrast.measure(make_subject(tmp_path, rgb=rgb, mask=mask_of(BODY)))
    assert value == pytest.approx(0.0, abs=0.02)


def test_where_the_picture_ends_there_is_no_outside(tmp_path: Path) -> None:
    rgb = plain_picture(WHITE)
    rgb[:, :200] = 0
    value = contrast.measure(make_subject(tmp_path, rgb=rgb, mask=mask_of((0, 0, 200, 300))))
    assert value == pytest.approx(100.0, abs=0.02)
