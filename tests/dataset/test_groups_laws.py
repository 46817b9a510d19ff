"""Laws of the split, over random sources: nothing on two splits, nobody moves, shares are kept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.schema.layout import Split
from tasks.dataset.group_keys import Member
from tasks.dataset.groups import Group, Grouping, find_groups
from tasks.dataset.near_pairs import HashedPicture
from tasks.dataset.split import choose_splits

NEAR = 6
# Few bases far apart, and few flipped bits: pictures that are near, at the bound, and far.
BASES = (0, (1 << 32) - 1, 0x5555_5555_5555_5555)


class Line(NamedTuple):
    """A source: the keys that it may share with others, and the hashes of its kept crops."""

    name: str
    keys: tuple[str, ...]
    hashes: tuple[int, ...]


_KEYS = st.lists(st.sampled_from([f"uploader {n}" for n in "abc"] + ["session s", "session t"]),
                 max_size=2, unique=True)  # fmt: skip
_HASHES = st.builds(lambda base, flips: base ^ sum(1 << bit for bit in flips),
                    st.sampled_from(BASES), st.sets(st.integers(0, 30), max_size=5))  # fmt: skip
_LINES = st.lists(
    st.builds(lambda keys, hashes: (tuple(keys), tuple(hashes)), _KEYS,
              st.lists(_HASHES, max_size=3)),
    max_size=9,
).map(lambda drawn: [Line(f"s{n}", *line) for n, line in enumerate(drawn)])  # fmt: skip


class Outcome(NamedTuple):
    """The split of each stem, and of each key that was ever published."""

    stems: dict[str, Split]
    keys: dict[str, Split]
    grouping: Grouping


NOTHING = Outcome({}, {}, Grouping([], [], {}))


def picture(name: str, number: int, bits: int) -> HashedPicture:
    return HashedPicture(f"{name}-{number}", name, f"{bits:016x}", f"{bits ^ (0xFF << 48):016x}")


def split(lines: Sequence[Line], share: float, before: Outcome = NOTHING) -> Outcome:
    members = [Member(n, (f"source {n}", *keys), len(hashes)) for n, keys, hashes in lines]
    pictures = [picture(n, i, bits) for n, _, hashes in lines for i, bits in enumerate(hashes)]
    found = find_groups(members, pictures, (), base=before.keys, published=before.stems.keys(),
                        pins={}, near_bits=NEAR)  # fmt: skip
    splits = choose_splits(found.groups, share)
    of = {
        member.source_id: splits[group.name] for group in found.groups for member in group.members
    }
    out = {left.stem for left in found.left_out}
    stems = {
        p.stem: of[p.owner] for p in pictures if p.owner not in found.excluded and p.stem not in out
    }
    shown = {stem.rpartition("-")[0] for stem in stems}
    keys = {key: of[m.source_id] for m in members if m.source_id in shown for key in m.keys}
    return Outcome(stems, {**before.keys, **keys}, found)


def bits_apart(one: HashedPicture, other: HashedPicture) -> int:
    pairs = ((one.hash, other.hash), (one.mirror_hash, other.hash), (one.hash, other.mirror_hash))
    return min((int(a, 16) ^ int(b, 16)).bit_count() for a, b in pairs)


def leaks(lines: Sequence[Line], stems: Mapping[str, Split]) -> list[object]:
    """Compare everything in train with everything in val, the slow way."""
    shown = [
        (line, picture(line.name, i, bits), stems[f"{line.name}-{i}"])
        for line in lines
        for i, bits in enumerate(line.hashes)
        if f"{line.name}-{i}" in stems
    ]
    return [
        (one.name, other.name)
        for one, a, split in shown
        for other, b, other_split in shown
        if split != other_split
        and ({one.name, *one.keys} & {other.name, *other.keys} or bits_apart(a, b) <= NEAR)
    ]


@settings(max_examples=40, deadline=None)
@given(_LINES, st.floats(0, 1))
def test_no_group_is_on_two_splits_and_every_crop_on_exactly_one(
    lines: list[Line], share: float
) -> None:
    done = split(lines, share)
    assert leaks(lines, done.stems) == []
    assert len(done.stems) == sum(len(line.hashes) for line in lines)  # of new ones none is lost
    assert (done.grouping.left_out, done.grouping.excluded) == ([], {})


@settings(max_examples=40, deadline=None)
@given(_LINES, st.integers(0, 9), st.floats(0, 1))
def test_new_data_moves_nobody_loses_nobody_and_leaks_nothing(
    lines: list[Line], n_before: int, share: float
) -> None:
    before = split(lines[:n_before], share)
    after = split(lines, share, before)
    assert {stem: after.stems[stem] for stem in before.stems} == before.stems
    assert leaks(lines, after.stems) == []
    known = set(after.stems) | {left.stem for left in after.grouping.left_out}
    for line in lines:
        if line.name not in after.grouping.excluded:
            assert {f"{line.name}-{n}" for n in range(len(line.hashes))} <= known


@settings(max_examples=25, deadline=None)
@given(_LINES, st.integers(0, 9), st.floats(0, 1))
def test_the_same_data_once_more_gives_the_same_split(
    lines: list[Line], n_before: int, share: float
) -> None:
    first = split(lines, share, split(lines[:n_before], share))
    again = split(lines, share, first)
    assert (again.stems, again.keys, again.grouping.excluded) == (
        first.stems, first.keys, first.grouping.excluded,
    )  # fmt: skip
    assert [g[:3] for g in again.grouping.groups] == [g[:3] for g in first.grouping.groups]


@settings(max_examples=25, deadline=None)
@given(_LINES, st.floats(0, 1))
def test_a_source_that_was_away_comes_back_to_its_split(lines: list[Line], share: float) -> None:
    first = split(lines, share)
    away = split(lines[1:], share, first)
    back = split(lines, share, away)
    assert back.stems == first.stems


def groups_of(sizes: Iterable[int], given_splits: Sequence[Split | None] = ()) -> list[Group]:
    splits = [*given_splits]
    return [
        Group(f"g{n}", (Member(f"g{n}", (f"source g{n}",), size),), (),
              splits[n] if n < len(splits) else None)
        for n, size in enumerate(sizes)
    ]  # fmt: skip


_SIZES = st.lists(st.integers(1, 50), min_size=1, max_size=12)
_GIVEN = st.lists(st.sampled_from([None, "train", "val"]), max_size=6)


@given(_SIZES, _GIVEN, st.floats(0, 1))
def test_shares_are_as_near_as_groups_allow(
    sizes: list[int], given_splits: list[Split | None], share: float
) -> None:
    groups = groups_of(sizes, given_splits)
    splits = choose_splits(groups, share)
    assert all(splits[g.name] == g.split for g in groups if g.split)
    n_val = sum(g.n_samples for g in groups if splits[g.name] == "val")
    wanted = share * sum(sizes)
    free = [g.n_samples for g in groups if g.split is None]
    given_val = sum(g.n_samples for g in groups if g.split == "val")
    sums = {0}
    for size in free:
        sums |= {known + size for known in sums}
    nearest = min(abs(given_val + known - wanted) for known in sums)
    # A split that would be empty gets the smallest group, although none would be nearer.
    is_forced = len(sizes) > 1 and 0 < share < 1 and nearest < min(free, default=0)
    assert abs(n_val - wanted) <= max(nearest, min(free) if is_forced else 0) + 1e-6


@given(st.lists(st.integers(1, 9), min_size=70, max_size=90), st.floats(0.05, 0.95))
def test_of_many_groups_the_share_is_missed_by_less_than_one_sample(
    sizes: list[int], share: float
) -> None:
    splits = choose_splits(groups_of(sizes), share)
    n_val = sum(size for n, size in enumerate(sizes) if splits[f"g{n}"] == "val")
    assert abs(n_val - share * sum(sizes)) < 1


@given(_SIZES.filter(lambda sizes: len(sizes) > 1), st.floats(0.001, 0.999))
def test_a_share_that_is_wanted_is_never_empty(sizes: list[int], share: float) -> None:
    assert set(choose_splits(groups_of(sizes), share).values()) == {"train", "val"}


@given(_SIZES)
def test_no_share_is_no_validation_and_the_whole_share_is_all_of_it(sizes: list[int]) -> None:
    groups = groups_of(sizes)
    assert set(choose_splits(groups, 0.0).values()) == {"train"}
    assert set(choose_splits(groups, 1.0).values()) == {"val"}


def test_the_splits_of_free_groups_are_the_same_in_every_release() -> None:
    splits = choose_splits(groups_of([3] * 12), 0.3)
    assert "".join(splits[f"g{n}"][0] for n in range(12)) == "ttttttvtvvtv"
