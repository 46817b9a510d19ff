"""How segmentations of COCO become labels: run lengths, polygons, people who overlap."""

import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from tasks.common.errors import SourceError
from tasks.download.labels import draw_labels

SQUARE = [10, 10, 20, 10, 20, 20, 10, 20]


def test_run_lengths_are_read_in_both_ways_of_writing_them() -> None:
    # By pycocotools' own encode: a 4 x 3 mask with column 1 and the first pixel of column 2 set.
    plain = {"size": [3, 4], "counts": [3, 4, 5]}
    packed = {"size": [3, 4], "counts": "345"}
    expected = np.array([[0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]], np.uint8)
    for rle in (plain, packed):
        assert np.array_equal(draw_labels([rle], (4, 3)), expected)


@given(
    mask=st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
        lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))
    )
)
def test_run_lengths_are_read_as_pycocotools_writes_them(mask: NDArray[np.uint8]) -> None:
    rle = coco_mask.encode(np.asfortranarray(mask))
    height, width = mask.shape
    packed = {"size": [height, width], "counts": rle["counts"].decode()}
    assert np.array_equal(draw_labels([packed], (width, height)), mask)


def test_of_two_people_who_overlap_the_smaller_lies_on_top() -> None:
    labels = draw_labels([[SQUARE], [[0, 0, 30, 0, 30, 30, 0, 30]]], (40, 30))
    assert (labels[15, 15], labels[5, 5], labels[5, 35]) == (2, 1, 0)


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [3, 4], "counts": [3]},
        {"size": [3]},
        [[1, 2, 3]],
        7,
        {"size": [2, 2], "counts": "~"},
    ],
    ids=["too few", "no counts", "odd polygon", "number", "garbage"],
)
def test_a_malformed_segmentation_is_refused(segmentation: Any) -> None:
    with pytest.raises(SourceError, match="malformed"):
        draw_labels([segmentation], (4, 3))


@pytest.mark.parametrize(
    "segmentation",
    [
        pytest.param({"size": [200_000, 200_000], "counts": [40_000_000_000]}, id="size"),
        pytest.param({"size": [3, 4], "counts": "o" * 20_000}, id="a run that never ends"),
        pytest.param({"size": [3, 4], "counts": [float("inf")]}, id="infinite run"),
        pytest.param({"size": [3, 4], "counts": [0] * 10_000}, id="ten thousand runs of nothing"),
        pytest.param([[float("nan")] * 6], id="no numbers"),
    ],
)
def test_a_segmentation_that_claims_too_much_is_refused_at_once(segmentation: Any) -> None:
    tracemalloc.start()
    before_s = time.process_time()
    try:
        with pytest.raises(SourceError, match="malformed"):
            draw_labels([segmentation], (4, 3))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert time.process_time() - before_s < 1.0


def test_many_people_in_a_large_picture_take_the_memory_of_a_few() -> None:
    whole = {"size": [2000, 2000], "counts": [0, 4_000_000]}
    tracemalloc.start()
    try:
        draw_labels([whole] * 60, (2000, 2000))
        assert tracemalloc.get_traced_memory()[1] < 60_000_000  # 60 masks are 240 MB
    finally:
        tracemalloc.stop()
