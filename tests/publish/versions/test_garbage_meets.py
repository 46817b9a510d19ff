"""A collection that meets a publication, another collection, or its own death."""

from datetime import timedelta

import pytest

from tasks.common.artifacts import Workspace
from tasks.common.errors import ArtifactError, WorldError
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.publish.versions.garbage import Garbage, Mark, claim_tree, collect
from tasks.publish.versions.ledger import Ledger
from tasks.publish.versions.records import Commit
from tasks.publish.versions.retire import retire_version
from tasks.publish.versions.verify import verify_version
from tests.publish.trees import NOW, push_samples
from tests.publish.versions.forge import put, put_record
from tests.publish.versions.wrappers import DiesAt, Killed, Noting, Overtaken

DAY = timedelta(days=1)


def _marked(workspace: Workspace, store: ObjectStore) -> Commit:
    """Return a retired version whose tree is marked as garbage."""
    first, _ = (push_samples(workspace, store, *names) for names in ("a", "ab"))
    retire_version(Ledger(store), first, "dark", NOW)
    _collect(store, 0)
    return first


def _collect(store: ObjectStore, n_days: float) -> list[Garbage]:
    return list(collect(Ledger(store), NOW + n_days * DAY, delete=True))


def _mark(store: ObjectStore, tree_id: str) -> Mark | None:
    data = store.get(f"gc/{tree_id}.json")
    return Mark.model_validate_json(data) if data else None


def _publish(workspace: Workspace, store: ObjectStore, n_days: float = 0) -> Commit:
    """Publish the content of the first version again."""
    return push_samples(workspace, store, "a", now=NOW + n_days * DAY, revive=True)


def test_a_tree_that_nobody_marked_is_claimed_without_a_trace(any_store: ObjectStore) -> None:
    claim_tree(any_store, "t1", NOW)
    assert any_store.list_objects("gc/") == {}


def test_a_claim_between_mark_and_deletion_starts_the_grace_anew(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = _marked(workspace, any_store)
    claim_tree(any_store, first.tree, NOW + 6 * DAY)
    assert _mark(any_store, first.tree) == Mark(state="wanted", at=NOW + 6 * DAY)
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
    assert list(verify_version(Ledger(any_store), again, deep=True)) == []


def test_a_claim_at_the_last_moment_keeps_the_tree(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = _marked(workspace, any_store)
    racing = Overtaken(any_store, "gc/", lambda: claim_tree(any_store, first.tree, NOW + 7 * DAY))
    assert [garbage.step for garbage in _collect(racing, 7)] == ["wait"]
    assert len(any_store.list_objects(first.prefix)) == first.n_files
    assert _mark(any_store, first.tree) == Mark(state="wanted", at=NOW + 7 * DAY)


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
    deleting = Mark(state="deleting", at=NOW).encode()
    racing = Overtaken(
        folder_store, "gc/", lambda: put(folder_store, f"gc/{first.tree}.json", deleting)
    )
    with pytest.raises(WorldError, match="are being deleted"):
        claim_tree(racing, first.tree, NOW)
    assert _mark(folder_store, first.tree) == Mark(state="deleting", at=NOW)


def test_a_claim_that_meets_another_claim_holds(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first = _marked(workspace, folder_store)
    racing = Overtaken(folder_store, "gc/", lambda: claim_tree(folder_store, first.tree, NOW + DAY))
    claim_tree(racing, first.tree, NOW + 2 * DAY)
    assert _mark(folder_store, first.tree) == Mark(state="wanted", at=NOW + 2 * DAY)


def test_a_publisher_that_meets_a_deletion_leaves_everything_as_it_is(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first = _marked(workspace, any_store)
    put(any_store, f"gc/{first.tree}.json", Mark(state="deleting", at=NOW).encode())
    before = any_store.list_objects("trees/")
    with pytest.raises(WorldError, match=r"are being deleted\. Run `matteflow gc --delete` to let"):
        _publish(workspace, any_store)
    assert any_store.list_objects("trees/") == before
    assert Ledger(any_store).numbers(first.name) == [1, 2]


def test_a_publication_whose_tree_a_deletion_takes_meanwhile_makes_no_version(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    class Slow(Noting):
        def put_if_absent(self, key: str, data: bytes) -> bool:
            if key.startswith("manifests/"):  # files are up, the record is not
                list(collect(Ledger(folder_store), NOW + 30 * DAY, delete=True))
                mark = Mark(state="deleting", at=NOW).encode()
                put(folder_store, key.replace("manifests", "gc").replace("parquet", "json"), mark)
            return super().put_if_absent(key, data)

    with pytest.raises(WorldError, match="are being deleted"):
        _publish(workspace, Slow(folder_store))
    assert folder_store.list_objects("versions/") == {}


@pytest.mark.parametrize("n_days", [0, 30], ids=["at once", "later"])
def test_a_deletion_that_was_cut_short_is_finished_by_the_next_collection(
    n_days: int, workspace: Workspace, any_store: ObjectStore
) -> None:
    first = _marked(workspace, any_store)
    put(any_store, f"gc/{first.tree}.json", Mark(state="deleting", at=NOW).encode())
    any_store.delete(sorted(any_store.list_objects(first.prefix))[::2])
    (found,) = _collect(any_store, n_days)
    assert (found.step, found.n_files) == ("delete", 2)
    assert any_store.list_objects(first.prefix) == any_store.list_objects("gc/") == {}
    again = _publish(workspace, any_store)
    assert (again.version, list(verify_version(Ledger(any_store), again, deep=True))) == (3, [])


@pytest.mark.parametrize("n_deletions", range(6))
def test_a_collection_that_is_killed_anywhere_leaves_nothing_that_could_be_used(
    n_deletions: int, workspace: Workspace, folder_store: FolderStore
) -> None:
    _marked(workspace, folder_store)
    with pytest.raises(Killed):
        _collect(DiesAt(folder_store, n_deletions=n_deletions), 7)
    with pytest.raises(WorldError, match="are being deleted"):
        _publish(workspace, folder_store)
    assert [garbage.step for garbage in _collect(folder_store, 7)] == ["delete"]
    assert folder_store.list_objects("gc/") == {}
    again = _publish(workspace, folder_store)
    assert list(verify_version(Ledger(folder_store), again, deep=True)) == []


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
    put(folder_store, "gc/0123.json", Mark(state="wanted", at=NOW).encode())
    steps = [[garbage.step for garbage in _collect(folder_store, n_days)] for n_days in (1, 7, 8)]
    assert steps == [["wait"], ["delete"], []]
    assert folder_store.list_objects("gc/") == {}


@pytest.mark.parametrize("data", [b"", b"{", b'{"state": "asleep"}'], ids=["empty", "cut", "other"])
def test_a_damaged_mark_is_told_with_its_address(
    data: bytes, workspace: Workspace, folder_store: FolderStore
) -> None:
    first = _marked(workspace, folder_store)
    put(folder_store, f"gc/{first.tree}.json", data)
    with pytest.raises(ArtifactError, match=rf"/gc/{first.tree}\.json is not what was written"):
        claim_tree(folder_store, first.tree, NOW)
    with pytest.raises(ArtifactError, match=rf"/gc/{first.tree}\.json is not what was written"):
        _collect(folder_store, 7)
