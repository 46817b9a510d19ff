"""Versions that dataset programs up to 6 published, with `sides.json`, are base versions too."""

import json
from typing import Any

import pytest

from tasks.common.errors import InputError
from tasks.common.records import Publication, SourceOutcome
from tasks.common.schema.layout import OLD_SPLIT_ASSIGNMENT
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset import build, text_files
from tasks.publish.read import read_base
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import retire_version
from tests.dataset.growing import file_of, one, put, splits
from tests.dataset.trees import NAME, NOW


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
