"""Numbers and parents of versions, and how `latest` follows them."""

import json

import pytest

from tasks.common.errors import InputError
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.channels import point_channel
from tasks.publish.gc import collect
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import retire_version
from tests.dataset.trees import NAME, NOW, everything, plain_samples, plain_tree, push, push_samples
from tests.publish.forge import channel_values, put_channels, put_record


def test_each_version_names_the_one_before_as_its_parent(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    commits = [push_samples(workspace, folder_store, *names) for names in ("a", "ab", "abc")]
    assert [(commit.version, commit.parent) for commit in commits] == [(1, None), (2, 1), (3, 2)]


@pytest.fixture
def second_retired(workspace: Workspace, any_store: ObjectStore) -> Commit:
    """The second of two versions, retired after a rollback to the first."""
    first, second = (push_samples(workspace, any_store, *names) for names in ("a", "ab"))
    point_channel(VersionRegistry(any_store), first)
    retire_version(VersionRegistry(any_store), second, "too dark.", NOW)
    return second


def test_content_that_was_retired_is_not_published_again_by_chance(
    workspace: Workspace, second_retired: Commit, any_store: ObjectStore
) -> None:
    before = everything(any_store)
    said = rf"^This content is {NAME}@v2, retired since 2026-11-22: too dark\. Nothing was"
    with pytest.raises(InputError, match=said):
        push_samples(workspace, any_store, "a", "b")
    assert everything(any_store) == before


def test_retired_content_that_is_wanted_again_is_a_version_with_the_next_number(
    workspace: Workspace, second_retired: Commit, any_store: ObjectStore
) -> None:
    tree = plain_tree(workspace, plain_samples("a", "b"))
    done = push(tree, workspace, any_store, revive=True)
    assert (done.version, done.is_new, done.n_uploaded) == (3, True, 0)
    assert (done.tree_id, VersionRegistry(any_store).retired_numbers(NAME)) == (
        second_retired.tree,
        [2],
    )
    assert channel_values(any_store)["latest"] == {"version": 3, "newest": 3}


@pytest.mark.parametrize("revive", [False, True], ids=["as ever", "revive"])
def test_revived_content_that_is_published_again_makes_no_version(
    revive: bool, workspace: Workspace, second_retired: Commit, any_store: ObjectStore
) -> None:
    push_samples(workspace, any_store, "a", "b", revive=True)
    tree = plain_tree(workspace, plain_samples("a", "b"))
    again = push(tree, workspace, any_store, revive=revive)
    assert (again.version, again.is_new) == (3, False)


def test_the_number_of_a_retired_version_whose_files_are_gone_is_not_given_again(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, second = (push_samples(workspace, folder_store, *names) for names in ("a", "ab"))
    registry = VersionRegistry(folder_store)
    point_channel(registry, first)
    retire_version(registry, second, "wrong", NOW)
    for _ in range(2):
        list(collect(registry, NOW, grace=NOW - NOW, delete=True))
    assert folder_store.list_objects(second.prefix) == {}
    assert push_samples(workspace, folder_store, "c").version == 3


def test_versions_of_another_subset_do_not_count(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    push_samples(workspace, folder_store, "a")
    other = push_samples(workspace, folder_store, "b", name=f"{NAME}-2")
    assert (other.version, other.parent) == (1, None)
    assert VersionRegistry(folder_store).numbers(NAME) == [1]


def test_versions_go_on_after_the_ten_thousandth(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    for number in (9_999, 10_000):
        put_record(any_store, number)
    assert push_samples(workspace, any_store, "a").version == 10_001
    assert VersionRegistry(any_store).numbers(NAME) == [9_999, 10_000, 10_001]


def test_a_gap_in_the_numbers_is_not_filled(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    for number in (1, 4):
        put_record(folder_store, number)
    assert push_samples(workspace, folder_store, "a").version == 5


def test_latest_follows_the_newest_version(workspace: Workspace, folder_store: FolderStore) -> None:
    for names in ("a", "ab"):
        push_samples(workspace, folder_store, *names)
    assert channel_values(folder_store) == {"latest": {"version": 2, "newest": 2}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"latest": {"version": 1, "newest": 1}}, id="none"),
        pytest.param({"latest": 7}, {"latest": {"version": 7, "newest": 7}}, id="a later one"),
        pytest.param(
            {"stable": 1, "latest": 0},
            {
                "stable": {"version": 1, "newest": 1},
                "latest": {"version": 1, "newest": 1},
            },
            id="of the old form, beside another",
        ),
    ],
)
def test_latest_never_goes_back_and_other_channels_stay(
    before: dict[str, int], after: dict[str, dict[str, int]],
    workspace: Workspace, folder_store: FolderStore,
) -> None:  # fmt: skip
    put_channels(folder_store, before)
    push_samples(workspace, folder_store, "a")
    read = {
        word: channel.model_dump()
        for word, channel in VersionRegistry(folder_store).channels(NAME)[0].items()
    }
    assert read == after


def test_a_publisher_that_died_before_the_channel_is_completed_by_the_next(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    push_samples(workspace, any_store, "a")
    any_store.delete([f"channels/{NAME}.json"])
    again = push(plain_tree(workspace, plain_samples("a")), workspace, any_store)
    assert (again.is_new, json.loads(any_store.get(f"channels/{NAME}.json") or b"")) == (
        False,
        {"latest": {"version": 1, "newest": 1}},
    )
