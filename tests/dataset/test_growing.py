"""A subset that grows: what is published stays where it is, every version tells what changed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.engine.publication import require_publishable
from tasks.common.errors import InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import Recipe, load_recipe
from tasks.common.records import Publication, SourceOutcome
from tasks.common.schema.layout import OLD_SPLIT_ASSIGNMENT
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset import build, text_files
from tasks.publish.commit import Lineage, OvertakenError, commit_tree
from tasks.publish.read import read_base, read_samples
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import retire_version
from tests.dataset.builders import judged, person_mask, source
from tests.dataset.crops import Crop
from tests.dataset.published import publish_without_prefect
from tests.dataset.trees import NAME, NOW, recipe, tree_of

_DEMO = load_recipe("demo")
TESTS = "CustomSeg_Person_20261122_tests"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return (tmp_path / "store").as_uri()


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.of(settings())


def whole_recipe(**changes: Any) -> Recipe:
    part = recipe(**changes)
    return _DEMO.model_copy(update={"publish": part, "filter": RuleBounds()})


def put(store: str, *outcomes: SourceOutcome, revive: bool = False, **changes: Any) -> Publication:
    return publish_without_prefect(outcomes, whole_recipe(**changes), store, NOW, revive)


def one(workspace: Workspace, name: str, n: int = 2, **facts: Any) -> SourceOutcome:
    return judged(workspace, source(name, **facts), [Crop(f"c{number}") for number in range(n)])


def splits(store: str, version: int, name: str = NAME) -> dict[str, str]:
    registry = VersionRegistry(open_store(store))
    commit = registry.commit(name, version)
    assert commit is not None
    return {row.stem: row.split for row in read_samples(registry, commit)}


def file_of(store: str, made: Publication, name: str) -> str:
    return (Path(made.url.removeprefix("file://")) / name).read_text(encoding="utf-8")


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


# Test subsets: nothing in common with training data, and the other way round.


def put_tests(store: str, *outcomes: SourceOutcome, **changes: Any) -> Publication:
    values = {"role": "test", "against": [NAME], "note": "tests"}
    return put(store, *outcomes, **(values | changes))


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        pytest.param({"name": "a"}, "the same source a", id="the same source and bytes"),
        pytest.param({"uploader": "ann"}, "the same uploader ann", id="uploader"),
        pytest.param({"session": "park"}, "the same session park", id="session"),
    ],
)
def test_a_test_subset_that_is_related_is_refused_with_pictures(
    facts: dict[str, Any], why: str, workspace: Workspace, store: str
) -> None:
    put(store, one(workspace, "a", uploader="ann", session="park"))
    related = one(workspace, facts.pop("name", "t"), **facts)
    with pytest.raises(InputError, match=rf"2 test samples overlap with {NAME}@v1; .*") as found:
        put_tests(store, related, one(workspace, "free"))
    assert why in str(found.value)
    page = (workspace.root / "related" / f"{TESTS}.html").read_text()
    assert page.count("data:image/jpeg") == 2
    assert VersionRegistry(open_store(store)).numbers(TESTS) == []


def test_a_neighbour_of_a_training_picture_is_refused(
    workspace: Workspace, store_address: str
) -> None:
    store = store_address
    put(store, judged(workspace, source("a"), [Crop("x", hash=0xFF)]))
    near = judged(workspace, source("t"), [Crop("x", hash=0xFF ^ 0b111), Crop("y")])
    with pytest.raises(InputError, match=r"t-x and a-x of .* 3 of 64 bits differ"):
        put_tests(store, near)
    made = put_tests(store, near, related="leave_out")
    assert splits(store, made.version, TESTS) == {"t-y": "val"}
    card = open_store(store).get(f"trees/{made.tree_id}/{TESTS}/README.md") or b""
    assert b"| dataset | overlaps_other_subset | 1 |" in card


def test_training_data_that_comes_later_is_checked_against_the_tests(
    workspace: Workspace, store: str
) -> None:
    put(store, one(workspace, "a"))
    put_tests(store, one(workspace, "t", uploader="ann"))
    late = one(workspace, "late", uploader="ann")
    with pytest.raises(InputError, match=rf"2 training samples overlap with {TESTS}@v1"):
        put(store, one(workspace, "a"), late)
    made = put(store, one(workspace, "a"), late, related="leave_out")
    assert sorted(splits(store, made.version)) == ["a-c0", "a-c1"]


def test_a_test_subset_loads_as_one(workspace: Workspace, store: str) -> None:
    put(store, one(workspace, "a"))
    made = put_tests(store, one(workspace, "t"))
    values: dict[str, Any] = {}
    exec(file_of(store, made, "mmseg_config.py"), values)
    assert values["test_dataset"]["ann_file"] == "split_dir/val.txt"
    assert "train_dataset" not in values


def test_subsets_that_are_not_there_are_refused_at_the_door(store: str) -> None:
    whole = whole_recipe(role="test", against=["CustomSeg_Person_20260101_none"])
    with pytest.raises(InputError, match="There is no version of anything"):
        require_publishable(store, whole, [])


def test_the_time_is_told_by_the_record_alone(workspace: Workspace, store: str) -> None:
    made = put(store, one(workspace, "a"))
    later = datetime(2027, 1, 1, tzinfo=UTC)
    again = publish_without_prefect((one(workspace, "a"),), whole_recipe(), store, later, False)
    assert again.tree_id == made.tree_id


# Versions that dataset programs up to 6 published, with `sides.json`.


def put_old(
    store: str, *outcomes: SourceOutcome, revive: bool = False, **changes: Any
) -> Publication:
    """Publish as dataset program 6 did: other inputs, the old file name, another card."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(build, "VERSION", 6)
        patched.setattr(text_files, "SPLIT_ASSIGNMENT", OLD_SPLIT_ASSIGNMENT)
        patched.setattr(text_files, "render_card", lambda *_: "The card of an older program.\n")
        return put(store, *outcomes, revive=revive, **changes)


def commit_of(store: str, version: int) -> Commit:
    commit = VersionRegistry(open_store(store)).commit(NAME, version)
    assert commit is not None
    return commit


def test_a_version_with_sides_json_is_a_base_version(workspace: Workspace, store: str) -> None:
    outcomes = [one(workspace, f"s{n}", n + 1) for n in range(4)]
    old = put_old(store, *outcomes, val_share=0.4)
    base = read_base(VersionRegistry(open_store(store)), commit_of(store, 1))
    assert ("sides.json" in base.files, "splits.json" in base.files) == (True, False)
    made = put(store, *outcomes, val_share=0.4)
    assert (made.version, commit_of(store, 2).base) == (2, 1)
    assert splits(store, 2) == splits(store, 1)
    assert json.loads(file_of(store, made, "splits.json")) == json.loads(
        file_of(store, old, "sides.json")
    )
    assert "sides.json" not in file_of(store, made, "MANIFEST.sha256")
    changelog = file_of(store, made, "CHANGELOG.md")
    assert changelog.count("No sample changed; split files, card or report did.") == 1


def test_a_source_that_only_sides_json_remembers_returns_to_its_split(
    workspace: Workspace, store: str
) -> None:
    outcomes = [one(workspace, f"s{n}") for n in range(5)]
    put_old(store, *outcomes)
    put_old(store, *outcomes[1:3])
    put(store, *outcomes[1:3])
    assert put(store, *outcomes).version == 4
    assert splits(store, 4) == splits(store, 1)


def test_the_name_of_the_split_assignment_is_no_part_of_the_content(
    workspace: Workspace, store: str
) -> None:
    a = one(workspace, "a")
    put(store, a)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(build, "VERSION", 6)
        patched.setattr(text_files, "SPLIT_ASSIGNMENT", OLD_SPLIT_ASSIGNMENT)
        put(store, a)
    assert commit_of(store, 1).tree != commit_of(store, 2).tree
    assert commit_of(store, 1).content == commit_of(store, 2).content


def test_samples_that_an_older_program_published_stay_retired(
    workspace: Workspace, store: str
) -> None:
    a, b = one(workspace, "a"), one(workspace, "b")
    put_old(store, a)
    put_old(store, a, b)
    registry = VersionRegistry(open_store(store))
    retire_version(registry, commit_of(store, 1), "half of it is missing", NOW)
    with pytest.raises(InputError, match=r"This content is .*@v1, retired since"):
        put(store, a)
    assert put(store, a, revive=True).version == 3
    assert put(store, a).version == 3


def test_samples_that_an_older_program_revived_are_not_retired(
    workspace: Workspace, store: str
) -> None:
    a, b = one(workspace, "a"), one(workspace, "b")
    put_old(store, a)
    put_old(store, a, b)
    registry = VersionRegistry(open_store(store))
    retire_version(registry, commit_of(store, 1), "too dark", NOW)
    put_old(store, a, revive=True)
    assert put(store, a).version == 4
