"""Near pictures: the quick search finds what looking at all of them finds."""

from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.similarity import hash_index, picture_hash
from tasks.common.similarity.hash_index import Hashes, HashIndex, Positions
from tasks.common.similarity.picture_hash import as_hashes, nearest_kept_before
from tests.common.similarity.hashes import (
    KINDS,
    Kind,
    Pictures,
    alike_in_a_chunk,
    flips,
    nearest_of_all,
    random_hashes,
    repeats_one_by_one,
)

NOBODY = np.zeros(0, np.uint64)
# Beyond 1024 pictures come in blocks; an index of more than 2048 is looked up by chunks.
SIZES = [2, 1025, 5200]

# Few bits and few values, so that most pictures are near some other.
_SIDE = st.integers(0, 255).map(lambda bits: bits << 12)
FEW = st.lists(st.tuples(_SIDE, _SIDE), max_size=40).map(
    lambda rows: (_hashes(*[row[0] for row in rows]), _hashes(*[row[1] for row in rows]))
)


def _hashes(*values: int) -> Hashes:
    return np.array(values, np.uint64)


@cache
def _pictures(kind: Kind, n: int) -> Pictures:
    return kind(np.random.default_rng(n), n)


@cache
def _repeats(kind: Kind, n: int, min_distance: int) -> tuple[list[int], Positions]:
    """Go through the pictures one by one, which needs seconds, once for every radius."""
    return repeats_one_by_one(*_pictures(kind, n), min_distance, 64)


def test_no_text_gives_no_hash() -> None:
    assert as_hashes([]).tolist() == []


def test_hex_digits_become_numbers_up_to_the_highest_bit() -> None:
    texts = ["0000000000000000", "8000000000000001", "ffffffffffffffff"]
    assert as_hashes(texts).tolist() == [0, (1 << 63) + 1, (1 << 64) - 1]


class TestIndex:
    def test_an_empty_one_knows_nobody_near(self) -> None:
        found = HashIndex(6).nearest(_hashes(0, 1))
        assert (found.positions.tolist(), found.distances.tolist()) == ([-1, -1], [64, 64])

    def test_nothing_added_is_nothing_known(self) -> None:
        index = HashIndex(6)
        index.add(NOBODY)
        assert index.nearest(_hashes(0)).positions.tolist() == [-1]

    @pytest.mark.parametrize("n", [0, 1, 3000], ids=["empty", "one", "many"])
    def test_no_question_has_no_answer(self, n: int) -> None:
        index = HashIndex(6)
        index.add(random_hashes(np.random.default_rng(0), n))
        found = index.nearest(NOBODY)
        assert (found.positions.shape, found.distances.shape) == ((0,), (0,))

    @pytest.mark.parametrize(
        ("query", "position", "distance"),
        [
            pytest.param(0b0, 0, 0, id="equal"),
            pytest.param(0b111111, 0, 6, id="on the radius"),
            pytest.param(0b1111111, -1, 64, id="a bit beyond the radius"),
            pytest.param((1 << 64) - 1, -1, 64, id="opposite"),
        ],
    )
    def test_one_entry_is_found_up_to_the_radius(
        self, query: int, position: int, distance: int
    ) -> None:
        index = HashIndex(6)
        index.add(_hashes(0))
        found = index.nearest(_hashes(query))
        assert (found.positions.tolist(), found.distances.tolist()) == ([position], [distance])

    def test_of_equally_near_entries_the_first_is_named_whatever_block_it_came_in(self) -> None:
        index = HashIndex(6)
        for block in (_hashes(0xF0), _hashes(0b10, 0b01), _hashes(0b100)):
            index.add(block)
        assert index.nearest(_hashes(0)).positions.tolist() == [1]

    @pytest.mark.parametrize("radius", [0, 3, 6, 10, 11, 12, 64])
    def test_it_finds_what_looking_at_all_entries_finds(self, radius: int) -> None:
        rng = np.random.default_rng(radius)
        entries = random_hashes(rng, 6000)
        entries[5000:5100] = entries[:100]
        queries = np.concatenate([entries[::4] ^ flips(rng, 1500, 14), random_hashes(rng, 100)])
        index = HashIndex(radius)
        for block in np.split(entries, [1, 8, 5200, 5900]):
            index.add(block)
        found, expected = index.nearest(queries), nearest_of_all(queries, entries, radius)
        assert np.array_equal(found.distances, expected.distances)
        assert np.array_equal(found.positions, expected.positions)

    @pytest.mark.parametrize("at_once", [1, 5000, 1 << 22], ids=["one", "some", "millions"])
    def test_how_much_it_compares_at_once_changes_nothing(self, at_once: int) -> None:
        rng = np.random.default_rng(5)
        entries, _ = alike_in_a_chunk(rng, 2500)
        queries = entries[::50] ^ flips(rng, 50, 8)
        index = HashIndex(6)
        index.add(entries)
        with patch.object(hash_index, "_PAIRS_PER_BLOCK", at_once):
            found = index.nearest(queries)
        assert np.array_equal(found.positions, nearest_of_all(queries, entries, 6).positions)


class TestRepeats:
    def test_no_pictures_have_no_repeats(self) -> None:
        found = nearest_kept_before(NOBODY, NOBODY, 7, 6)
        assert (found.positions.shape, found.distances.shape) == ((0,), (0,))

    def test_a_single_picture_repeats_nothing_not_even_its_own_mirror_image(self) -> None:
        found = nearest_kept_before(_hashes(5), _hashes(5), 7, 6)
        assert (found.positions.tolist(), found.distances.tolist()) == ([-1], [64])

    @pytest.mark.parametrize("n", SIZES)
    def test_of_equal_pictures_only_the_first_stays(self, n: int) -> None:
        same, mirror = np.full(n, 5, np.uint64), np.full(n, 1 << 63, np.uint64)
        found = nearest_kept_before(same, mirror, 1, 0)
        assert found.positions.tolist() == [-1] + [0] * (n - 1)
        assert found.distances.tolist() == [64] + [0] * (n - 1)

    def test_a_mirrored_picture_counts_as_a_repeat(self) -> None:
        plain, mirror = 0, (1 << 64) - 1
        found = nearest_kept_before(_hashes(plain, mirror ^ 1), _hashes(mirror, plain ^ 1), 7, 6)
        assert (found.positions.tolist(), found.distances.tolist()) == ([-1, 0], [64, 1])

    @pytest.mark.parametrize(
        ("bits", "named"), [(6, 0), (7, 1)], ids=["a bit too near", "far enough"]
    )
    def test_a_picture_stays_from_the_least_distance_on(self, bits: int, named: int) -> None:
        second, far = (1 << bits) - 1, (1 << 64) - 1
        found = nearest_kept_before(_hashes(0, second, second), _hashes(far, far, far), 7, 10)
        assert found.positions.tolist() == [-1, 0, named]
        assert found.distances[1] == bits

    def test_what_was_not_kept_does_not_make_others_repeats(self) -> None:
        far = (1 << 64) - 1
        chain = _hashes(0, 0b1111, 0b11111111)  # each 4 bits from the one before
        found = nearest_kept_before(chain, _hashes(far, far, far), 7, 64)
        assert (found.positions.tolist(), found.distances.tolist()) == ([-1, 0, 0], [64, 4, 8])

    @pytest.mark.parametrize(
        ("min_distance", "radius"), [(1, 0), (7, 6), (7, 10), (13, 12), (7, 64)]
    )
    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
    def test_they_are_those_of_going_through_all_pictures_one_by_one(
        self, kind: Kind, n: int, min_distance: int, radius: int
    ) -> None:
        hashes, mirrors = _pictures(kind, n)
        found = nearest_kept_before(hashes, mirrors, min_distance, radius)
        kept, distances = _repeats(kind, n, min_distance)
        # Who is farther than the radius is kept in any case, since that is at least the bound.
        assert np.array_equal(found.distances, np.where(distances <= radius, distances, 64))
        assert np.nonzero(found.distances >= min_distance)[0].tolist() == kept

    @given(FEW, st.integers(1, 9), st.integers(0, 4))
    def test_small_blocks_change_nothing(self, few: Pictures, min_distance: int, more: int) -> None:
        radius = min_distance - 1 + more
        with patch.object(picture_hash, "_BLOCK", 3):
            found = nearest_kept_before(*few, min_distance, radius)
        _, distances = repeats_one_by_one(*few, min_distance, radius)
        assert found.distances.tolist() == distances.tolist()

    @given(FEW, st.integers(1, 9), st.integers(0, 4))
    def test_the_one_named_was_kept_before_and_lies_at_the_distance_told(
        self, few: Pictures, min_distance: int, more: int
    ) -> None:
        hashes, mirrors = few
        with patch.object(picture_hash, "_BLOCK", 3):
            found = nearest_kept_before(hashes, mirrors, min_distance, min_distance - 1 + more)
        rows = np.nonzero(found.positions >= 0)[0]
        named = found.positions[rows]
        sides = [np.bitwise_count(side[rows] ^ hashes[named]) for side in (hashes, mirrors)]
        assert np.minimum(*sides).tolist() == found.distances[rows].tolist()
        assert bool(np.all(found.distances[named] >= min_distance))
        assert bool(np.all(named < rows))
