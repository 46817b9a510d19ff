"""A collection that meets a publication, another collection, or its own death."""

from datetime import datetime, timedelta

import pytest

from tasks.common.errors import ArtifactError, WorldError
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.commit import commit_tree
from tasks.publish.gc import Unreferenced, collect
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import retire_version
from tasks.publish.tombstones import Tombstone, lease_tree
from tasks.publish.verify import verify_version
from tests.dataset.trees import NOW, plain_samples, plain_tree, push_samples
from tests.publish.forge import put, put_record
from tests.publish.wrappers import (
    BeforeLook,
    DiesAt,
    Killed,
    Noting,
    Overtaken,
    Watching,
)

DAY = timedelta(days=1)


def _marked(workspace: Workspace, store: ObjectStore) -> Commit:
    """Return a retired version whose tree is marked as garbage."""
    first, _ = (push_samples(workspace, store, *names) for names in ("a", "ab"))
    retire_version(VersionRegistry(store), first, "dark", NOW)
    _collect(store, 0)
    return first


def _collect(store: ObjectStore, n_days: float) -> list[Unreferenced]:
    return list(collect(VersionRegistry(store), NOW + n_days * DAY, delete=True))


def _mark(store: ObjectStore, tree_id: str) -> tuple[str, datetime] | None:
    data = store.get(f"gc/{tree_id}.json")
    mark = Tombstone.model_validate_json(data) if data else None
    return (mark.state, mark.at) if mark else None


def _publish(workspace: Workspace, store: ObjectStore, n_days: float = 0) -> Commit:
    """Publish the content of the first version again."""
    return push_samples(workspace, store, "a", now=NOW + n_days * DAY, revive=True)


def test_a_tree_that_nobody_marked_is_claimed_without_a_trace(any_store: ObjectStore) -> None:
    lease_tree(any_store, "t1", NOW)
    assert any_store.list_objects("gc/") == {}


def test_a_claim_between_mark_and_deletion_starts_the_grace_anew(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = _marked(workspace, any_store)
    lease_tree(any_store, first.tree, NOW + 6 * DAY)
    assert _mark(any_store, first.tree) == ("wanted", NOW + 6 * DAY)
    for n_days, step in ((7, "wait"), (12.9, "wait"), (13, "delete")):
        assert len(any_store.list_objects(first.prefix)) == first.n_files
        assert [garbage.step for garbage in _collect(any_store, n_days)] == [step]
    assert any_store.list_objects(first.prefix) == {}


def test_a_publication_between_mark_and_deletion_keeps_the_tree_for_good(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = _marked(workspace, any_store)
    again = _publish(workspace, any_store, 6)
    assert (again.version, again.tree) == (3, first.tree)
    assert _collect(any_store, 13) == _collect(any_store, 400) == []
    assert any_store.list_objects("gc/") == {}
    assert list(verify_version(VersionRegistry(any_store), again, deep=True)) == []


def test_a_claim_at_the_last_moment_keeps_the_tree(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = _marked(workspace, any_store)
    racing = Overtaken(any_store, "gc/", lambda: lease_tree(any_store, first.tree, NOW + 7 * DAY))
    assert [garbage.step for garbage in _collect(racing, 7)] == ["wait"]
    assert len(any_store.list_objects(first.prefix)) == first.n_files
    assert _mark(any_store, first.tree) == ("wanted", NOW + 7 * DAY)


def test_a_tree_that_became_a_version_at_the_last_moment_stays(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first = _marked(workspace, folder_store)
    racing = Overtaken(folder_store, "gc/", lambda: put_record(folder_store, 3, tree=first.tree))
    assert [garbage.step for garbage in _collect(racing, 7)] == ["wait"]
    assert len(folder_store.list_objects(first.prefix)) == first.n_files
    assert folder_store.list_objects("gc/") == {}


def test_a_claim_that_loses_a_race_against_the_deletion_is_refused(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first = _marked(workspace, folder_store)
    deleting = Tombstone(state="deleting", at=NOW).encode()
    racing = Overtaken(
        folder_store, "gc/", lambda: put(folder_store, f"gc/{first.tree}.json", deleting)
    )
    with pytest.raises(WorldError, match="are being deleted"):
        lease_tree(racing, first.tree, NOW)
    assert _mark(folder_store, first.tree) == ("deleting", NOW)


def test_a_claim_that_meets_another_claim_holds(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first = _marked(workspace, folder_store)
    racing = Overtaken(folder_store, "gc/", lambda: lease_tree(folder_store, first.tree, NOW + DAY))
    lease_tree(racing, first.tree, NOW + 2 * DAY)
    assert _mark(folder_store, first.tree) == ("wanted", NOW + 2 * DAY)


def test_a_publisher_that_meets_a_deletion_leaves_everything_as_it_is(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = _marked(workspace, any_store)
    put(any_store, f"gc/{first.tree}.json", Tombstone(state="deleting", at=NOW).encode())
    before = any_store.list_objects("trees/")
    with pytest.raises(WorldError, match=r"are being deleted\. Run the same again later\. If"):
        _publish(workspace, any_store)
    assert any_store.list_objects("trees/") == before
    assert VersionRegistry(any_store).numbers(first.name) == [1, 2]


def test_a_publication_whose_tree_a_deletion_takes_meanwhile_makes_no_version(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    class Slow(Noting):
        def put_if_absent(self, key: str, data: bytes) -> bool:
            if key.startswith("manifests/"):  # files are up, the record is not
                list(collect(VersionRegistry(folder_store), NOW + 30 * DAY, delete=True))
                mark = Tombstone(state="deleting", at=NOW).encode()
                put(folder_store, key.replace("manifests", "gc").replace("parquet", "json"), mark)
            return super().put_if_absent(key, data)

    with pytest.raises(WorldError, match="are being deleted"):
        _publish(workspace, Slow(folder_store))
    assert folder_store.list_objects("versions/") == {}


@pytest.mark.parametrize("n_days", [1 / 24, 30], ids=["after an hour", "later"])
def test_a_deletion_that_was_cut_short_is_finished_by_a_later_collection(
    n_days: float, workspace: Workspace, any_store: ObjectStore
) -> None:
    first = _marked(workspace, any_store)
    put(any_store, f"gc/{first.tree}.json", Tombstone(state="deleting", at=NOW).encode())
    any_store.delete(sorted(any_store.list_objects(first.prefix))[::2])
    assert [garbage.step for garbage in _collect(any_store, 0.99 / 24)] == ["wait"]
    (found,) = _collect(any_store, n_days)
    assert (found.step, found.n_files) == ("delete", 2)
    assert any_store.list_objects(first.prefix) == any_store.list_objects("gc/") == {}
    again = _publish(workspace, any_store)
    assert (again.version, list(verify_version(VersionRegistry(any_store), again, deep=True))) == (
        3,
        [],
    )


@pytest.mark.parametrize("n_deletions", range(6))
def test_a_collection_that_is_killed_anywhere_leaves_nothing_that_could_be_used(
    n_deletions: int, workspace: Workspace, folder_store: FolderStore
) -> None:
    _marked(workspace, folder_store)
    with pytest.raises(Killed):
        _collect(DiesAt(folder_store, n_deletions=n_deletions), 7)
    with pytest.raises(WorldError, match="are being deleted"):
        _publish(workspace, folder_store)
    assert [garbage.step for garbage in _collect(folder_store, 7.1)] == ["delete"]
    assert folder_store.list_objects("gc/") == {}
    again = _publish(workspace, folder_store)
    assert list(verify_version(VersionRegistry(folder_store), again, deep=True)) == []


def test_what_calls_a_tree_whole_goes_first_and_its_mark_last(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first = _marked(workspace, folder_store)
    noting = Noting(folder_store)
    _collect(noting, 7)
    assert (noting.deleted[0], noting.deleted[-1], len(noting.deleted)) == (
        f"{first.prefix}MANIFEST.sha256", f"gc/{first.tree}.json", first.n_files + 1,
    )  # fmt: skip


def test_a_mark_without_a_tree_goes_too(workspace: Workspace, folder_store: FolderStore) -> None:
    push_samples(workspace, folder_store, "a")
    put(folder_store, "gc/0123.json", Tombstone(state="wanted", at=NOW).encode())
    steps = [[garbage.step for garbage in _collect(folder_store, n_days)] for n_days in (1, 7, 8)]
    assert steps == [["wait"], ["delete"], []]
    assert folder_store.list_objects("gc/") == {}


@pytest.mark.parametrize("data", [b"", b"{", b'{"state": "asleep"}'], ids=["empty", "cut", "other"])
def test_a_damaged_mark_is_told_with_its_address(
    data: bytes, workspace: Workspace, folder_store: FolderStore
) -> None:
    first = _marked(workspace, folder_store)
    put(folder_store, f"gc/{first.tree}.json", data)
    with pytest.raises(ArtifactError, match=rf"/gc/{first.tree}\.json is damaged"):
        lease_tree(folder_store, first.tree, NOW)
    with pytest.raises(ArtifactError, match=rf"/gc/{first.tree}\.json is damaged"):
        _collect(folder_store, 7)


def test_a_claim_is_dated_when_it_is_made_and_not_when_the_run_began(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first = _marked(workspace, folder_store)
    tree = plain_tree(workspace, plain_samples("a"))
    done = commit_tree(
        tree, first.name, workspace, folder_store,
        recipe_digest="r", now=NOW, revive=True, clock=lambda: NOW + 8 * DAY,
    )  # fmt: skip
    assert _mark(folder_store, done.tree_id) == ("wanted", NOW + 8 * DAY)


def test_a_due_collection_at_any_listing_of_a_long_publication_leaves_the_version_whole(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first = _marked(workspace, folder_store)
    store = Watching(folder_store, lambda: _collect(folder_store, 8))
    tree = plain_tree(workspace, plain_samples("a"))
    done = commit_tree(
        tree, first.name, workspace, store,
        recipe_digest="r", now=NOW, revive=True, clock=lambda: NOW + 8 * DAY,
    )  # fmt: skip
    commit = VersionRegistry(folder_store).commit(done.name, done.version)
    assert commit is not None
    assert list(verify_version(VersionRegistry(folder_store), commit, deep=True)) == []


def test_a_collection_that_stood_still_harms_nothing_that_came_after_another(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    _marked(workspace, folder_store)
    made: list[Commit] = []

    def go_on_without_it() -> None:
        assert [garbage.step for garbage in _collect(folder_store, 7.1)] == ["delete"]
        made.append(_publish(workspace, folder_store, 7.2))

    slow = BeforeLook(folder_store, go_on_without_it)
    _collect(slow, 7)
    assert [
        list(verify_version(VersionRegistry(folder_store), one, deep=True)) for one in made
    ] == [[]]
