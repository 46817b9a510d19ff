"""Masks and tight boxes: known rectangles, exactly."""

import numpy as np
import pytest

from tasks.common.media.person_part import person_part, tight_box
from tasks.common.schema.boxes import Box
from tasks.matte.masks import to_mask
from tasks.matte.session import as_probability

WHOLE = (0.0, 0.0, 200.0, 100.0)  # x0, y0, x1, y1 in px


def mask_of(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((100, 200), np.uint8)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = 1
    return mask


def test_alpha_at_the_threshold_is_person() -> None:
    alpha = np.array([[0.0, 0.49, 0.5, 1.0]], np.float32)
    assert to_mask(alpha, 0.5).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("boxes", "person", "margin", "expected"),
    [
        pytest.param([], WHOLE, 0.0, None, id="empty mask"),
        pytest.param([(20, 10, 60, 90)], WHOLE, 0.0, (20, 10, 60, 90), id="exactly the part"),
        pytest.param([(20, 10, 60, 90)], WHOLE, 0.05, (16, 6, 64, 94), id="margin of the height"),
        pytest.param([(0, 0, 200, 100)], WHOLE, 0.5, (0, 0, 200, 100), id="clipped to the crop"),
        pytest.param([(7, 8, 8, 9)], WHOLE, 0.0, (7, 8, 8, 9), id="one pixel"),
        pytest.param(
            [(20, 10, 60, 90), (100, 0, 200, 100)], (15, 5, 65, 95), 0.0, (20, 10, 60, 90),
            id="the detected person, not the larger neighbour",
        ),
        pytest.param([(100, 0, 200, 100)], (15, 5, 65, 95), 0.0, None, id="only the neighbour"),
    ],
)  # fmt: skip
def test_the_tight_box_is_around_the_persons_own_part(
    boxes: list[tuple[int, int, int, int]],
    person: tuple[float, ...],
    margin: float,
    expected: tuple[int, ...] | None,
) -> None:
    box = tight_box(mask_of(*boxes), Box.of(person), margin)
    assert (box and box.xyxy) == expected


def test_a_box_partly_outside_the_crop_is_no_obstacle() -> None:
    part = person_part(mask_of((0, 0, 10, 10)), Box(-20.0, -20.0, 15.0, 15.0))
    assert part is not None
    assert int(part.sum()) == 100


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param([[0.0, 0.25, 1.0]], [[0.0, 0.25, 1.0]], id="probabilities as they are"),
        pytest.param([[0.3, 0.3, 0.3]], [[0.3, 0.3, 0.3]], id="a constant is not stretched"),
        pytest.param([[-100.0, 0.0, 100.0]], [[0.0, 0.5, 1.0]], id="logits through a sigmoid"),
        pytest.param([[float("nan"), 0.5, 1.0]], [[0.0, 0.5, 1.0]], id="not a number is nobody"),
    ],
)
def test_the_networks_answer_is_read_as_probability(
    answer: list[list[float]], expected: list[list[float]]
) -> None:
    probability = as_probability(np.array(answer, np.float32))
    assert probability == pytest.approx(np.array(expected, np.float32), abs=1e-6)
