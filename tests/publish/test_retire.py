"""Taking a version out of use, and back."""

from datetime import timedelta

import pytest

from tasks.common.errors import InputError, WorldError
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.channels import point_channel
from tasks.publish.gc import collect
from tasks.publish.records import Commit, Retirement
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import restore_version, retire_version
from tasks.publish.tombstones import Tombstone
from tests.dataset.trees import NAME, NOW, everything, push_samples
from tests.publish.forge import put

LATER = NOW + timedelta(days=30)


def _versions(workspace: Workspace, store: ObjectStore) -> list[Commit]:
    return [push_samples(workspace, store, *names) for names in ("a", "ab", "abc")]


def test_a_retired_version_keeps_its_record_and_files_and_says_why(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first, *_ = _versions(workspace, any_store)
    before, registry = everything(any_store), VersionRegistry(any_store)
    told = retire_version(registry, first, "  faces too dark \n", NOW.replace(microsecond=5))
    assert told == Retirement(at=NOW, reason="faces too dark") == registry.retirement(NAME, 1)
    after = everything(any_store)
    assert after.keys() - before.keys() == {f"retired/{NAME}/v0001.json"}
    assert {key: after[key] for key in before} == before


def test_who_retires_twice_hears_the_first_reason(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, *_ = _versions(workspace, folder_store)
    registry = VersionRegistry(folder_store)
    told = retire_version(registry, first, "dark", NOW)
    assert retire_version(registry, first, "blurred", LATER) == told
    assert registry.retirement(NAME, 1) == told


@pytest.mark.parametrize("reason", ["", " ", "\n\t"])
def test_without_a_reason_nothing_is_retired(
    reason: str, workspace: Workspace, folder_store: FolderStore
) -> None:
    first, *_ = _versions(workspace, folder_store)
    with pytest.raises(InputError, match=r"A retirement needs a reason"):
        retire_version(VersionRegistry(folder_store), first, reason, NOW)
    assert VersionRegistry(folder_store).retired_numbers(NAME) == []


def test_a_version_that_latest_stands_for_is_not_retired(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    *_, third = _versions(workspace, folder_store)
    said = rf"^latest of {NAME} points to v3\. Point it .* `matteflow rollback {NAME}@v2`"
    with pytest.raises(InputError, match=said):
        retire_version(VersionRegistry(folder_store), third, "dark", NOW)
    assert folder_store.list_objects("retired/") == {}


def test_all_channels_that_stand_for_a_version_are_named(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    _, second, third = _versions(workspace, folder_store)
    registry = VersionRegistry(folder_store)
    for channel, commit in (("stable", third), ("beta", third), ("old", second)):
        point_channel(registry, commit, channel)
    with pytest.raises(InputError, match=rf"^beta and latest and stable of {NAME} point to v3\."):
        retire_version(registry, third, "dark", NOW)


def test_the_advice_names_another_version_than_the_one_that_is_in_the_way(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, *_ = _versions(workspace, folder_store)
    registry = VersionRegistry(folder_store)
    point_channel(registry, first)
    with pytest.raises(InputError) as refused:
        retire_version(registry, first, "dark", NOW)
    assert f"rollback {NAME}@v1`" not in str(refused.value)


def test_after_a_rollback_the_newest_version_can_be_retired(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    _, second, third = _versions(workspace, folder_store)
    registry = VersionRegistry(folder_store)
    point_channel(registry, second)
    retire_version(registry, third, "dark", NOW)
    assert (registry.retired_numbers(NAME), registry.resolve(NAME)) == ([3], second)


def test_a_retirement_is_undone(workspace: Workspace, any_store: ObjectStore) -> None:
    first, *_ = _versions(workspace, any_store)
    before, registry = everything(any_store), VersionRegistry(any_store)
    retire_version(registry, first, "dark", NOW)
    restore_version(registry, first, NOW)
    assert everything(any_store) == before
    point_channel(registry, first)
    assert registry.resolve(NAME) == first


def test_what_is_not_retired_cannot_come_back(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, *_ = _versions(workspace, folder_store)
    with pytest.raises(InputError, match=rf"^{NAME}@v1 is not retired\.$"):
        restore_version(VersionRegistry(folder_store), first, NOW)


def test_after_its_files_went_a_version_cannot_come_back(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first, *_ = _versions(workspace, any_store)
    registry = VersionRegistry(any_store)
    retire_version(registry, first, "dark", NOW)
    for now in (NOW, LATER):
        list(collect(registry, now, delete=True))
    with pytest.raises(
        InputError,
        match=r"@v1 cannot be restored: .* is missing and 4 more\. `matteflow publish --rev",
    ):
        restore_version(registry, first, LATER)
    assert registry.retired_numbers(NAME) == [1]


def test_a_single_lost_file_is_named_alone(workspace: Workspace, folder_store: FolderStore) -> None:
    first, *_ = _versions(workspace, folder_store)
    registry = VersionRegistry(folder_store)
    retire_version(registry, first, "dark", NOW)
    folder_store.delete([f"{first.prefix}README.md"])
    with pytest.raises(
        InputError, match=r"@v1 cannot be restored: README\.md is missing\. `matteflow publish"
    ):
        restore_version(registry, first, NOW)


def test_while_its_files_are_being_deleted_a_version_cannot_come_back(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, *_ = _versions(workspace, folder_store)
    registry = VersionRegistry(folder_store)
    retire_version(registry, first, "dark", NOW)
    put(folder_store, f"gc/{first.tree}.json", Tombstone(state="deleting", at=NOW).encode())
    with pytest.raises(WorldError, match=r"are being deleted\. Run the same again later"):
        restore_version(registry, first, NOW)
    assert registry.retired_numbers(NAME) == [1]


def test_a_version_that_came_back_after_its_mark_is_not_collected(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first, *_ = _versions(workspace, any_store)
    registry = VersionRegistry(any_store)
    retire_version(registry, first, "dark", NOW)
    list(collect(registry, NOW, delete=True))
    restore_version(registry, first, LATER)
    assert list(collect(registry, LATER, delete=True)) == []
    assert len(any_store.list_objects(first.prefix)) == first.n_files
