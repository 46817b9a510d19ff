"""Groups by example: who is joined, and who stays out where joining would tear a group."""

import pytest

from tasks.dataset.group_keys import Member
from tasks.dataset.groups import Grouping, find_groups
from tasks.dataset.near_pairs import HashedPicture, near_within


def member(name: str, *keys: str, n: int = 1) -> Member:
    return Member(name, (f"source {name}", *keys), n)


def picture(name: str, bits: int = 0, mirror: int = (1 << 64) - 1) -> HashedPicture:
    return HashedPicture(f"{name}-1", name, f"{bits:016x}", f"{mirror:016x}")


def grouped(
    *members: Member, pictures: list[HashedPicture] | None = None, **facts: object
) -> Grouping:
    values = {
        "base": {},
        "published": set(),
        "pins": {},
        "near_bits": 6,
        "near_sources": (),
    } | facts
    return find_groups(members, pictures or [], values.pop("near_sources"), **values)  # type: ignore[arg-type]


def names(found: Grouping) -> list[list[str]]:
    return [[member.source_id for member in group.members] for group in found.groups]


def test_of_nothing_there_are_no_groups() -> None:
    assert grouped() == Grouping([], [], {})


@pytest.mark.parametrize("key", ["uploader ann", "session park", "media 91028f"])
def test_sources_that_share_a_key_are_one_group(key: str) -> None:
    found = grouped(member("a", key), member("b"), member("c", key))
    assert names(found) == [["a", "c"], ["b"]]
    assert found.groups[0].joined_by == (key,)


def test_groups_are_joined_over_what_lies_between() -> None:
    found = grouped(member("a", "uploader x"), member("b", "session y"),
                    member("between", "uploader x", "session y", n=0))  # fmt: skip
    assert names(found) == [["a", "b"]]


@pytest.mark.parametrize(("apart", "n_groups"), [(6, 1), (7, 2)])
def test_pictures_join_up_to_the_bound_and_no_further(apart: int, n_groups: int) -> None:
    pictures = [picture("a", 0), picture("b", (1 << apart) - 1)]
    assert len(names(grouped(member("a"), member("b"), pictures=pictures))) == n_groups


def test_mirror_images_join_whichever_is_the_mirrored_one() -> None:
    one, other = picture("a", 0, mirror=0xF0F0 << 16), picture("b", 0xF0F0 << 16)
    assert [p[:1] for p in near_within([one, other], 6)] == [(0,)]
    assert near_within([other, one], 6) == near_within([one, other], 6)


def test_of_near_pictures_on_two_sides_the_new_one_stays_out() -> None:
    """The published picture stays although it is in train, where else the rule would look first."""
    pictures = [picture("old", 0), picture("new", 1)]
    found = grouped(
        member("old"), member("new", "uploader ann"), pictures=pictures,
        base={"source old": "train", "uploader ann": "val"}, published={"old-1"},
    )  # fmt: skip
    assert [left.stem for left in found.left_out] == ["new-1"]
    assert names(found) == [["old"]]


def test_of_two_new_near_pictures_on_two_sides_the_one_in_train_stays_out() -> None:
    pictures = [picture("a", 0), picture("b", 1)]
    past = {"uploader v": "val", "uploader t": "train"}
    found = grouped(member("a", "uploader v"), member("b", "uploader t", n=2),
                    pictures=pictures, base=past)  # fmt: skip
    assert [left.stem for left in found.left_out] == ["b-1"]
    assert [(group.split, group.n_samples) for group in found.groups] == [("val", 1), ("train", 1)]
    assert found.left_out[0].sentence == (
        "Its hash differs in only 1 of 64 bits from that of a-1 (source a), which is in val."
    )
