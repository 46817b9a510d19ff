"""Whether a version is what was published, as far as a listing tells."""

from collections.abc import Callable

import pandas as pd
import pytest

from tasks.common.schema.layout import MANIFEST
from tasks.common.schema.tables import encode_table
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.records import Commit, manifest_key
from tasks.publish.registry import VersionRegistry
from tasks.publish.verify import verify_version
from tests.dataset.trees import NAME, kept_tree, push, push_samples
from tests.publish.forge import put
from tests.publish.wrappers import OtherTags

IMAGE, MASK = "img_dir/train/a.jpg", "ann_dir/train/a.png"
OTHER_IMAGE = b"IMAGE OF A"  # as many bytes as the right one
BOTH_DEPTHS = pytest.mark.parametrize("deep", [False, True], ids=["listing", "deep"])


@pytest.fixture
def commit(workspace: Workspace, any_store: ObjectStore) -> Commit:
    return push_samples(workspace, any_store, "a", "b")


@pytest.fixture
def commit_one(workspace: Workspace, folder_store: FolderStore) -> Commit:
    return push_samples(workspace, folder_store, "a", "b")


def _found(store: ObjectStore, commit: Commit, *, deep: bool = False) -> list[tuple[str, str]]:
    return [
        (told.file, told.reason)
        for told in verify_version(VersionRegistry(store), commit, deep=deep)
    ]


@BOTH_DEPTHS
def test_a_whole_version_has_no_problems(
    deep: bool, workspace: Workspace, any_store: ObjectStore
) -> None:
    for names in ("a", "ab"):
        push(kept_tree(workspace, *names), workspace, any_store)
    commits = VersionRegistry(any_store).commits(NAME)
    assert [_found(any_store, commit, deep=deep) for commit in commits] == [[], []]


@BOTH_DEPTHS
def test_every_damage_is_told_once_with_its_file_and_reason(
    deep: bool, commit: Commit, any_store: ObjectStore
) -> None:
    any_store.delete([commit.prefix + IMAGE])
    put(any_store, commit.prefix + MASK, b"cut")
    put(any_store, commit.prefix + "README.md", b"")
    put(any_store, commit.prefix + "img_dir/train/z.jpg", b"extra")
    assert sorted(_found(any_store, commit, deep=deep)) == [
        ("README.md", "size"), (MASK, "size"), (IMAGE, "missing"), ("img_dir/train/z.jpg", "extra"),
    ]  # fmt: skip


def test_a_problem_is_a_sentence_with_the_version_beside_it(
    commit_one: Commit, folder_store: FolderStore
) -> None:
    folder_store.delete([commit_one.prefix + IMAGE])
    put(folder_store, commit_one.prefix + MASK, b"cut")
    told = list(verify_version(VersionRegistry(folder_store), commit_one))
    assert {problem.version for problem in told} == {f"{NAME}@v1"}
    assert [problem.sentence for problem in told] == [
        f"{IMAGE} is missing", f"{MASK} has 3 bytes, expected 9",
    ]  # fmt: skip


def test_other_versions_and_subsets_are_none_of_its_business(
    workspace: Workspace, commit: Commit, any_store: ObjectStore
) -> None:
    second = push_samples(workspace, any_store, "a", "b", "c")
    any_store.delete([second.prefix + IMAGE])
    put(any_store, f"trees/{commit.tree}/{NAME}-2/README.md", b"neighbour")
    assert (_found(any_store, commit, deep=True), _found(any_store, second)) == (
        [],
        [(IMAGE, "missing")],
    )


@BOTH_DEPTHS
def test_a_version_without_any_file_misses_all_of_them(
    deep: bool, commit_one: Commit, folder_store: FolderStore
) -> None:
    folder_store.delete(folder_store.list_objects(commit_one.prefix))
    found = _found(folder_store, commit_one, deep=deep)
    assert (len(found), {reason for _, reason in found}) == (commit_one.n_files, {"missing"})
    assert len(set(found)) == commit_one.n_files


def test_a_file_with_other_bytes_of_the_same_size_is_seen_by_its_tag_where_there_are_tags(
    commit: Commit, any_store: ObjectStore
) -> None:
    put(any_store, commit.prefix + IMAGE, OTHER_IMAGE)
    has_tags = not isinstance(any_store, FolderStore)
    assert _found(any_store, commit) == ([(IMAGE, "altered")] if has_tags else [])


@BOTH_DEPTHS
def test_tags_that_are_no_digests_are_no_alarm(
    deep: bool, commit: Commit, any_store: ObjectStore
) -> None:
    assert _found(OtherTags(any_store), commit, deep=deep) == []


@BOTH_DEPTHS
def test_where_the_table_is_gone_the_list_of_digests_tells_what_belongs(
    deep: bool, commit_one: Commit, folder_store: FolderStore
) -> None:
    folder_store.delete([manifest_key(commit_one.tree), commit_one.prefix + IMAGE])
    put(folder_store, commit_one.prefix + "notes.txt", b"extra")
    assert sorted(_found(folder_store, commit_one, deep=deep)) == [
        (IMAGE, "missing"), (manifest_key(commit_one.tree), "missing"), ("notes.txt", "extra"),
    ]  # fmt: skip


def _other_table(**columns: list[str]) -> Callable[[bytes], bytes]:
    return lambda data: encode_table(pd.DataFrame(columns))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[:-100], id="cut"),
        pytest.param(lambda data: b"<html>502</html>", id="a page"),
        pytest.param(_other_table(other=["x"]), id="another table"),
        pytest.param(_other_table(name=["README.md"]), id="names alone"),
        pytest.param(_other_table(name=["README.md"], digest=["0"]), id="other digests"),
        pytest.param(lambda data: data.replace(b"ann_dir", b"\xe1nn_dir"), id="a flipped bit"),
    ],
)
@BOTH_DEPTHS
def test_a_garbled_table_is_told_and_the_files_are_not_blamed(
    deep: bool,
    damage: Callable[[bytes], bytes],
    commit_one: Commit,
    folder_store: FolderStore,
) -> None:
    key = manifest_key(commit_one.tree)
    before = folder_store.get(key) or b""
    put(folder_store, key, damage(before))
    assert folder_store.get(key) != before
    assert _found(folder_store, commit_one, deep=deep) == [(key, "altered")]


@BOTH_DEPTHS
def test_where_the_list_of_digests_is_gone_the_table_tells_what_belongs(
    deep: bool, commit_one: Commit, folder_store: FolderStore
) -> None:
    folder_store.delete([commit_one.prefix + name for name in (MANIFEST, IMAGE)])
    put(folder_store, commit_one.prefix + "notes.txt", b"extra")
    assert sorted(_found(folder_store, commit_one, deep=deep)) == [
        (MANIFEST, "missing"), (IMAGE, "missing"), ("notes.txt", "extra"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(slice(0, 0), id="empty"),
        pytest.param(slice(0, 100), id="cut"),
        pytest.param(slice(1, None), id="without its first byte"),
    ],
)
@BOTH_DEPTHS
def test_a_garbled_list_of_digests_is_told_and_the_files_are_not_blamed(
    deep: bool, at: slice, commit_one: Commit, folder_store: FolderStore
) -> None:
    key = commit_one.prefix + MANIFEST
    put(folder_store, key, (folder_store.get(key) or b"")[at])
    found = _found(folder_store, commit_one, deep=deep)
    assert found[0] == (MANIFEST, "altered")
    assert {file for file, _ in found} == {MANIFEST}


def test_where_table_and_list_of_digests_are_gone_nothing_else_is_claimed(
    commit_one: Commit, folder_store: FolderStore
) -> None:
    folder_store.delete([manifest_key(commit_one.tree), commit_one.prefix + MANIFEST])
    assert sorted(_found(folder_store, commit_one, deep=True)) == [
        (MANIFEST, "missing"), (manifest_key(commit_one.tree), "missing"),
    ]  # fmt: skip


def test_looking_changes_nothing(commit: Commit, any_store: ObjectStore) -> None:
    before = any_store.list_objects("")
    _found(any_store, commit, deep=True)
    assert any_store.list_objects("") == before
