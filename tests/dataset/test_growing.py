"""A subset that grows: what is published stays where it is, every version tells what changed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.common.errors import InputError
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.commit import Lineage, OvertakenError, commit_tree
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import retire_version
from tests.dataset.builders import judged, person_mask, source
from tests.dataset.crops import Crop
from tests.dataset.growing import file_of, one, put, splits, whole_recipe
from tests.dataset.published import publish_without_prefect
from tests.dataset.trees import NAME, NOW, tree_of


def test_a_second_batch_moves_nobody(workspace: Workspace, store_address: str) -> None:
    store = store_address
    first = [one(workspace, f"s{n}", n + 1) for n in range(4)]
    put(store, *first, val_share=0.3)
    before = splits(store, 1)
    more = [one(workspace, f"a{n}", 5) for n in range(6)]
    made = put(store, *more, *first, val_share=0.3)
    after = splits(store, made.version)
    assert (made.version, len(after)) == (2, len(before) + 30)
    assert {stem: after[stem] for stem in before} == before


def test_the_same_once_more_makes_no_version_whatever_came_before(
    workspace: Workspace, store: str
) -> None:
    a, b = one(workspace, "a"), one(workspace, "b")
    assert [put(store, *outcomes).version for outcomes in ([a], [a], [a, b], [a, b])] == [
        1,
        1,
        2,
        2,
    ]
    moved = a.source.model_copy(update={"uri": "/elsewhere"})
    there = a.model_copy(update={"source": moved})
    assert put(store, there, b).version == 2  # another input, and the same content


def test_a_source_that_was_away_for_a_version_comes_back_to_its_split(
    workspace: Workspace, store: str
) -> None:
    everyone = [one(workspace, f"s{n}") for n in range(5)]
    put(store, *everyone)
    put(store, *everyone[1:3])
    made = put(store, *everyone)
    assert (made.version, splits(store, 3)) == (3, splits(store, 1))


def test_the_history_tells_what_came_went_and_changed_and_why(
    workspace: Workspace, store: str
) -> None:
    mask = person_mask()
    mask[6:20, 8:24] = 0
    pin = {"a": "train", "b": "val", "c": "train"}
    a = judged(workspace, source("a", scenes=("night",)), [Crop("x"), Crop("y")])
    b = judged(workspace, source("b"), [Crop("x")])
    first = put(store, a, b, pin=pin)
    assert "## First version\n- added: 3\n" in file_of(store, first, "CHANGELOG.md")
    blurred = Crop("y", "drop", "sharpness", "Blurred.")
    a2 = judged(workspace, source("a", scenes=("day",)), [Crop("x"), blurred], media="a", mask=mask)
    c = judged(workspace, source("c", batch="autumn"), [Crop("x")])
    second = put(store, a2, c, pin=pin)
    told = file_of(store, second, "CHANGELOG.md").splitlines()
    assert told[2:16] == [
        f"## Since {NAME}@v1 ({first.tree_id[:12]})",
        "- added: 1",
        "  - new source, batch autumn: 1 (such as c-x)",
        "- removed: 2",
        "  - its source has no kept sample any more: 1 (such as b-x)",
        "  - sharpness: 1 (such as a-y)",
        "- mask changed: 1",
        "  - rembg u2netp → rembg u2netp: 1 (such as a-x)",
        "- scenes changed: 1",
        "  - night → day: 1 (such as a-x)",
        "",
        "## First version",
        "- added: 3",
        "  - new source, batch none: 3 (such as a-x)",
    ]


def test_a_pin_moves_what_was_published_and_the_history_says_so(
    workspace: Workspace, store: str
) -> None:
    outcomes = [one(workspace, "a"), one(workspace, "b")]
    put(store, *outcomes, pin={"a": "train", "b": "val"})
    made = put(store, *outcomes, pin={"a": "val", "b": "train"})
    assert "split changed: 4\n  - train → val, pinned by the recipe: 2" in file_of(
        store, made, "CHANGELOG.md"
    )


def test_cards_that_change_alone_are_told_once(workspace: Workspace, store: str) -> None:
    a = one(workspace, "a")
    put(store, a)
    told = [put(store, a, description="Better words.") for _ in range(2)]
    assert [made.version for made in told] == [2, 2]
    text = file_of(store, told[1], "CHANGELOG.md")
    assert text.count("No sample changed; split files, card or report did.") == 1


def test_what_was_retired_does_not_come_back_on_top_of_another_version(
    workspace: Workspace, store: str
) -> None:
    a, b = one(workspace, "a"), one(workspace, "b")
    put(store, a)
    put(store, a, b)
    registry = VersionRegistry(open_store(store))
    commit = registry.commit(NAME, 1)
    assert commit is not None
    retire_version(registry, commit, "half of it is missing", NOW)
    with pytest.raises(InputError, match=r"This content is .*@v1, retired since"):
        put(store, a)
    assert put(store, a, revive=True).version == 3


def test_a_new_source_that_ties_both_splits_stays_out_and_is_told(
    workspace: Workspace, store: str
) -> None:
    pins: dict[str, Any] = {"pin": {"a": "train", "b": "val"}}
    a, b = one(workspace, "a", uploader="ann"), one(workspace, "b", session="park")
    put(store, a, b, **pins)
    bridge = one(workspace, "x", uploader="ann", session="park")
    made = put(store, a, b, bridge)
    assert (splits(store, 2), made.n_left_out) == (splits(store, 1), 2)
    proof = json.loads(file_of(store, made, "groups.json"))
    assert {left["stem"] for left in proof["left_out"]} == {"x-c0", "x-c1"}
    assert "| dataset | ties_both_splits | 2 | x shares keys" in file_of(store, made, "README.md")


def test_a_tree_that_another_publisher_overtook_is_not_committed(
    workspace: Workspace, store: str
) -> None:
    a, b = one(workspace, "a"), one(workspace, "b")
    put(store, a)
    put(store, a, b)
    tree = tree_of(workspace, (b,))
    registry = VersionRegistry(open_store(store))
    for base, upon in ((1, "built on v1"), (None, "built on no version")):
        with pytest.raises(
            OvertakenError, match=f"@v2 was published while .* {upon}. Run it again"
        ):
            commit_tree(
                tree, NAME, workspace, registry.store,
                recipe_digest="r", now=NOW, lineage=Lineage("mine", base, ()), clock=lambda: NOW,
            )  # fmt: skip
    assert registry.numbers(NAME) == [1, 2]


def test_the_time_is_told_by_the_record_alone(workspace: Workspace, store: str) -> None:
    made = put(store, one(workspace, "a"))
    later = datetime(2027, 1, 1, tzinfo=UTC)
    again = publish_without_prefect((one(workspace, "a"),), whole_recipe(), store, later, False)
    assert again.tree_id == made.tree_id
