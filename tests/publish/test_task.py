"""Which versions are meant, and what the tasks of maintenance hand on."""

from datetime import timedelta

import pytest

from tasks.common.errors import InputError
from tasks.common.store.address import open_store
from tasks.common.store.folder import FolderStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import retire_version
from tasks.publish.task import (
    collect_garbage,
    open_registry,
    select_versions,
    verify_versions,
)
from tests.dataset.trees import NAME, NOW, push_samples
from tests.publish.forge import put_record

OTHER = f"{NAME}-2"


@pytest.fixture
def registry(folder_store: FolderStore) -> VersionRegistry:
    """Three versions of one subset, the first of them retired, and one of another."""
    for number in (1, 2, 3):
        put_record(folder_store, number)
    put_record(folder_store, 1, name=OTHER)
    made = VersionRegistry(folder_store)
    retire_version(made, made.resolve(f"{NAME}@1"), "dark", NOW)
    return made


@pytest.mark.parametrize(
    ("words", "labels"),
    [
        pytest.param("", [f"{NAME}@v2", f"{NAME}@v3", f"{OTHER}@v1"], id="all of the store"),
        pytest.param(NAME, [f"{NAME}@v2", f"{NAME}@v3"], id="a subset"),
        pytest.param(OTHER, [f"{OTHER}@v1"], id="another subset"),
        pytest.param(f"{NAME}@v2", [f"{NAME}@v2"], id="a version"),
        pytest.param(f"{NAME}@latest", [f"{NAME}@v3"], id="a channel"),
        pytest.param(f"{NAME}@1", [f"{NAME}@v1"], id="a retired version by its number"),
    ],
)
def test_words_choose_versions(words: str, labels: list[str], registry: VersionRegistry) -> None:
    assert [commit.label for commit in select_versions(registry, words)] == labels


@pytest.mark.parametrize("words", ["nobody", f"{NAME}@9", f"{NAME}@beta", "@v1"])
def test_words_for_nothing_are_refused(words: str, registry: VersionRegistry) -> None:
    with pytest.raises(InputError, match=r"no subset|no version 9|no channel 'beta'"):
        select_versions(registry, words)


def test_an_empty_store_has_nothing_to_choose_from(folder_store: FolderStore) -> None:
    assert select_versions(VersionRegistry(folder_store), "") == []
    with pytest.raises(InputError, match="no version of anything"):
        select_versions(VersionRegistry(folder_store), NAME)


def test_a_subset_whose_versions_are_all_retired_has_none_to_look_at(
    folder_store: FolderStore,
) -> None:
    commit, registry = put_record(folder_store, 1), VersionRegistry(folder_store)
    retire_version(registry, commit, "dark", NOW)
    assert select_versions(registry, NAME) == []


def test_an_address_is_opened_under_the_root_name(workspace: Workspace, store_address: str) -> None:
    commit = push_samples(workspace, open_store(store_address), "a")
    assert open_registry(store_address).resolve(NAME) == commit


@pytest.mark.parametrize("deep", [False, True], ids=["listing", "deep"])
def test_verifying_names_what_was_looked_at_and_what_is_wrong(
    deep: bool, workspace: Workspace, store_address: str
) -> None:
    store = open_store(store_address)
    commits = [push_samples(workspace, store, *names) for names in ("a", "ab")]
    store.delete([f"{commits[0].prefix}README.md"])
    labels, problems = verify_versions.fn(store_address, NAME, deep)
    assert labels == [f"{NAME}@v1", f"{NAME}@v2"]
    assert [problem[:3] for problem in problems] == [(f"{NAME}@v1", "README.md", "missing")]


def test_collecting_takes_days_of_grace(workspace: Workspace, store_address: str) -> None:
    store = open_store(store_address)
    first, _ = (push_samples(workspace, store, *names) for names in ("a", "ab"))
    retire_version(VersionRegistry(store), first, "dark", NOW)
    steps = []
    for n_hours in (0, 11, 12):
        now = NOW + timedelta(hours=n_hours)
        steps += [found.step for found in collect_garbage.fn(store_address, now, 0.5, True)]
    assert steps == ["mark", "wait", "delete"]
    assert store.list_objects(first.prefix) == {}
