"""Removing what no version needs: marked first, deleted a grace period later."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.common.errors import ArtifactError
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.gc import GRACE, Unreferenced, collect
from tasks.publish.records import Commit, commit_key, manifest_key
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import retire_version
from tasks.publish.verify import verify_version
from tests.dataset.trees import NAME, NOW, everything, push_samples
from tests.publish.forge import put
from tests.publish.wrappers import Around, DiesAt, Killed

DAY = timedelta(days=1)
OTHER = f"{NAME}-2"


def _retired(workspace: Workspace, store: ObjectStore) -> tuple[Commit, Commit]:
    first, second = (push_samples(workspace, store, *names) for names in ("a", "ab"))
    retire_version(VersionRegistry(store), first, "dark", NOW)
    return first, second


def _collect(store: ObjectStore, n_days: float, *, delete: bool = True) -> list[Unreferenced]:
    return list(collect(VersionRegistry(store), NOW + n_days * DAY, delete=delete))


def _steps(found: list[Unreferenced]) -> list[tuple[str, str]]:
    return [(garbage.what, garbage.step) for garbage in found]


def test_an_empty_store_has_no_garbage(any_store: ObjectStore) -> None:
    assert _collect(any_store, 0) == []


def test_versions_that_are_not_retired_are_no_garbage(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    for names in ("a", "ab", "a"):
        push_samples(workspace, folder_store, *names)
    before = everything(folder_store)
    assert _collect(folder_store, 0) == _collect(folder_store, 400) == []
    assert everything(folder_store) == before


def test_the_files_of_a_retired_version_go_and_its_table_and_record_stay(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first, second = _retired(workspace, any_store)
    before = everything(any_store)
    for n_days, step in ((0, "mark"), (1, "wait"), (6.9, "wait"), (7, "delete")):
        assert len(any_store.list_objects(first.prefix)) == first.n_files
        assert _steps(_collect(any_store, n_days)) == [(f"trees/{first.tree}/", step)]
    gone = {key for key in before if key.startswith(f"trees/{first.tree}/")}
    after = {key: data for key, data in before.items() if key not in gone}
    assert (everything(any_store), len(gone)) == (after, first.n_files)
    assert VersionRegistry(any_store).commit(NAME, 1) == first
    assert list(verify_version(VersionRegistry(any_store), second, deep=True)) == []
    assert _collect(any_store, 8) == []


def test_a_collection_says_what_it_found_and_why(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, _ = _retired(workspace, folder_store)
    told = Unreferenced(
        what=f"trees/{first.tree}/",
        why=f"{NAME}@v1 is retired",
        n_files=first.n_files,
        n_bytes=first.n_bytes,
        step="mark",
        marked_at=None,
    )
    assert _collect(folder_store, 0) == [told]
    assert _collect(folder_store, 2) == [told._replace(step="wait", marked_at=NOW)]
    assert _collect(folder_store, 7) == [told._replace(step="delete", marked_at=NOW)]


@pytest.mark.parametrize("n_days", [0, 3, 7], ids=["to mark", "to wait for", "to delete"])
def test_without_delete_nothing_changes(
    n_days: int, workspace: Workspace, any_store: ObjectStore
) -> None:
    first, _ = _retired(workspace, any_store)
    if n_days:
        _collect(any_store, 0)
    before = everything(any_store)
    step = {0: "mark", 3: "wait", 7: "delete"}[n_days]
    assert _steps(_collect(any_store, n_days, delete=False)) == [(f"trees/{first.tree}/", step)]
    assert everything(any_store) == before


def test_the_grace_period_is_the_callers(workspace: Workspace, folder_store: FolderStore) -> None:
    first, _ = _retired(workspace, folder_store)
    registry = VersionRegistry(folder_store)
    for hour, step in ((0, "mark"), (1, "wait"), (2, "delete")):
        now = NOW + timedelta(hours=hour)
        found = list(collect(registry, now, grace=timedelta(hours=2), delete=True))
        assert [garbage.step for garbage in found] == [step]
    assert (folder_store.list_objects(first.prefix), timedelta(days=7)) == ({}, GRACE)


def test_a_tree_that_another_version_needs_stays(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first, _ = _retired(workspace, any_store)
    third = push_samples(workspace, any_store, "a", revive=True)
    assert (third.version, third.tree) == (3, first.tree)
    assert _collect(any_store, 0) == _collect(any_store, 30) == []
    assert list(verify_version(VersionRegistry(any_store), third, deep=True)) == []


@pytest.mark.parametrize(
    "left",
    [
        pytest.param("all but the record", id="killed before the record"),
        pytest.param("two files", id="killed among the files"),
        pytest.param("the table", id="only the table left"),
    ],
)
def test_a_publication_that_never_became_a_version_is_collected(
    left: str, workspace: Workspace, any_store: ObjectStore
) -> None:
    living = push_samples(workspace, any_store, "a", name=OTHER)
    before = everything(any_store)
    with pytest.raises(Killed):
        push_samples(workspace, DiesAt(any_store, "versions/"), "b", "c")
    (tree_id,) = {*any_store.list_folders("trees/")} - {living.tree}
    files = sorted(any_store.list_objects(f"trees/{tree_id}/"))
    if left == "two files":
        any_store.delete([*files[2:], manifest_key(tree_id)])
    if left == "the table":
        any_store.delete(files)
    found = [_collect(any_store, n_days) for n_days in (0, 7)]
    assert [_steps(garbage) for garbage in found] == [
        [(f"trees/{tree_id}/", "mark")], [(f"trees/{tree_id}/", "delete")],
    ]  # fmt: skip
    assert {garbage.why for garbages in found for garbage in garbages} == {"never became a version"}
    assert everything(any_store) == before


def test_a_folder_that_a_server_names_though_it_is_empty_is_no_garbage(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    class Ghostly(Around):
        def list_folders(self, prefix: str) -> list[str]:
            return sorted([*self.inner.list_folders(prefix), *["0" * 32][: prefix == "trees/"]])

    push_samples(workspace, folder_store, "a")
    store = Ghostly(folder_store)
    assert "0" * 32 in store.list_folders("trees/")
    assert _collect(store, 0) == []
    assert folder_store.list_objects("gc/") == {}


def test_while_a_record_is_damaged_nothing_is_deleted(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    _retired(workspace, folder_store)
    _collect(folder_store, 0)
    put(folder_store, commit_key(NAME, 2), b"{")
    before = everything(folder_store)
    with pytest.raises(ArtifactError, match=r"/v0002\.json is damaged"):
        _collect(folder_store, 30)
    assert everything(folder_store) == before


@pytest.mark.parametrize("delete", [False, True], ids=["dry", "delete"])
def test_halves_of_killed_writers_go_after_the_grace(
    delete: bool, workspace: Workspace, folder_store: FolderStore
) -> None:
    push_samples(workspace, folder_store, "a")
    half = Path(folder_store.root / ".incoming" / "0123456789abcdef")
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"half")
    os.utime(half, (0, 0))  # as a second name of an old file looks: not when it came here
    written_at = datetime.fromtimestamp(half.stat().st_ctime, UTC)
    registry, second = VersionRegistry(folder_store), timedelta(seconds=1)
    assert list(collect(registry, written_at + GRACE - second, delete=delete)) == []
    assert half.exists()
    found = list(collect(registry, written_at + GRACE + second, delete=delete))
    key = ".incoming/0123456789abcdef"
    assert found == [Unreferenced(key, "its writer was killed", 1, 4, "delete", None)]
    assert half.exists() is not delete
