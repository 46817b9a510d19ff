"""Test subsets have nothing in common with training data, and the other way round."""

from typing import Any

import pytest

from flows.engine.publication import require_publishable
from tasks.common.errors import InputError
from tasks.common.records import Publication, SourceOutcome
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.registry import VersionRegistry
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.growing import file_of, one, put, splits, whole_recipe
from tests.dataset.trees import NAME

TESTS = "CustomSeg_Person_20261122_tests"


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
