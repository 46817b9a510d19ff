"""The three-way merge: what each side changed is taken, and no person's pixel is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tasks.common.media.images import Mask
from tasks.common.media.three_way import merge_masks

CODES = (0, 1, 255)
SHAPE = (2, 4)


def masks_of(*codes: int) -> st.SearchStrategy[Mask]:
    return arrays.arrays(np.uint8, SHAPE, elements=st.sampled_from(codes))


def expected(base: int, human: int, machine: int) -> tuple[int, bool]:
    """Return the merged pixel and whether it is a conflict, as the law says it in words."""
    if human == base:
        return machine, False
    return human, machine not in (base, human)


@settings(max_examples=10_000)
@given(masks_of(*CODES), masks_of(*CODES), masks_of(*CODES))
def test_every_pixel_is_the_one_that_the_law_names(base: Mask, human: Mask, machine: Mask) -> None:
    merged = merge_masks(base, human, machine)
    pixels = zip(base.ravel(), human.ravel(), machine.ravel(), strict=True)
    wanted = [expected(int(b), int(h), int(m)) for b, h, m in pixels]
    assert merged.mask.ravel().tolist() == [pixel for pixel, _ in wanted]
    assert merged.conflicts.ravel().tolist() == [is_conflict for _, is_conflict in wanted]


@settings(max_examples=10_000)
@given(masks_of(*CODES), masks_of(*CODES), masks_of(*CODES))
def test_no_pixel_that_a_person_changed_is_lost(base: Mask, human: Mask, machine: Mask) -> None:
    changed = human != base
    assert (merge_masks(base, human, machine).mask[changed] == human[changed]).all()


@given(masks_of(0, 1), masks_of(0, 1), masks_of(0, 1))
def test_masks_without_ignored_pixels_never_conflict(
    base: Mask, human: Mask, machine: Mask
) -> None:
    assert not merge_masks(base, human, machine).conflicts.any()


@given(masks_of(*CODES), masks_of(*CODES), masks_of(*CODES))
def test_a_second_order_that_changes_nothing_keeps_the_first(
    base: Mask, human: Mask, machine: Mask
) -> None:
    """It is sent with the first correction in it, so its base is the first's result."""
    sent_again = merge_masks(base, human, base).mask
    today = merge_masks(base, human, machine).mask
    assert (merge_masks(sent_again, sent_again, today).mask == today).all()


BASE = [0, 0, 1, 1]
UNCHANGED, ADDED, REMOVED = BASE, [1, 0, 1, 1], [0, 0, 0, 1]
ADDED_TOO, REMOVED_TOO = [0, 1, 1, 1], [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("human", "machine", "merged"),
    [
        pytest.param(UNCHANGED, UNCHANGED, BASE, id="nobody changed it"),
        pytest.param(UNCHANGED, ADDED_TOO, ADDED_TOO, id="the machine added"),
        pytest.param(UNCHANGED, REMOVED_TOO, REMOVED_TOO, id="the machine removed"),
        pytest.param(ADDED, UNCHANGED, ADDED, id="a person added"),
        pytest.param(REMOVED, UNCHANGED, REMOVED, id="a person removed"),
        pytest.param(ADDED, ADDED_TOO, [1, 1, 1, 1], id="both added"),
        pytest.param(ADDED, REMOVED_TOO, [1, 0, 1, 0], id="a person added, the machine removed"),
        pytest.param(REMOVED, ADDED_TOO, [0, 1, 0, 1], id="a person removed, the machine added"),
        pytest.param(REMOVED, REMOVED_TOO, [0, 0, 0, 0], id="both removed"),
    ],
)
def test_the_nine_cases(human: list[int], machine: list[int], merged: list[int]) -> None:
    masks = (np.array([row], np.uint8) for row in (BASE, human, machine))
    result = merge_masks(*masks)
    assert result.mask.tolist() == [merged]
    assert not result.conflicts.any()


def test_an_ignored_pixel_that_the_machine_decides_is_the_persons_and_a_conflict() -> None:
    base, human, machine = (np.array([[code]], np.uint8) for code in (0, 255, 1))
    result = merge_masks(base, human, machine)
    assert (result.mask.tolist(), result.conflicts.tolist()) == ([[255]], [[True]])


def test_masks_of_different_sizes_are_refused() -> None:
    small, large = np.zeros((1, 2), np.uint8), np.zeros((2, 1), np.uint8)
    with pytest.raises(ValueError, match="cannot be merged"):
        merge_masks(small, small, large)
