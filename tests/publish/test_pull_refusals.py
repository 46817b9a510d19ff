"""What cannot be pulled, and where nothing is pulled to."""

from pathlib import Path

import pytest

from tasks.common.errors import ArtifactError, InputError, MatteflowError
from tasks.common.files import digest_bytes
from tasks.common.schema.layout import MANIFEST
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.pull import pull_version
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry
from tests.dataset.trees import NAME, push_samples
from tests.publish.forge import put, record
from tests.publish.local import files_in


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param("notes.txt", id="beside"),
        pytest.param("img_dir/train/mine.jpg", id="among the pictures"),
        pytest.param("deep/er/file", id="in a folder of its own"),
        pytest.param("film.mp4.part", id="half a download of somebody else"),
        pytest.param(".notes", id="hidden"),
    ],
)
@pytest.mark.parametrize("is_pulled", [False, True], ids=["first pull", "over another version"])
def test_a_folder_with_a_strangers_file_is_refused_before_anything_changes(
    is_pulled: bool, stranger: str, workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    first, second = (push_samples(workspace, folder_store, *names) for names in ("a", "ab"))
    if is_pulled:
        pull_version(VersionRegistry(folder_store), first, here)
    path = here / NAME / stranger
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"mine")
    before = files_in(here)
    with pytest.raises(
        InputError, match=rf"holds 1 files that belong to no version, such as {stranger}"
    ):
        pull_version(VersionRegistry(folder_store), second, here)
    assert files_in(here) == before


@pytest.mark.parametrize(
    "damage", [pytest.param(b"image of z", id="other"), pytest.param(None, id="gone")]
)
def test_a_version_that_is_damaged_in_the_store_is_not_called_whole(
    damage: bytes | None, workspace: Workspace, any_store: ObjectStore, here: Path
) -> None:
    commit = push_samples(workspace, any_store, "a")
    key = f"{commit.prefix}img_dir/train/a.jpg"
    any_store.delete([key])
    if damage is not None:
        put(any_store, key, damage)
    state = "missing" if damage is None else "not what was published"
    said = rf"^img_dir/train/a\.jpg of {NAME}@v1 is {state} in the store; `matteflow verify --deep"
    with pytest.raises(ArtifactError, match=said):
        pull_version(VersionRegistry(any_store), commit, here)
    left = files_in(here / NAME)
    assert {MANIFEST, "img_dir/train/a.jpg"} & left.keys() == set()
    assert [name for name in left if name.endswith(".part")] == []


@pytest.mark.parametrize(
    "manifest", [pytest.param(None, id="gone"), pytest.param(b"x", id="other")]
)
def test_without_its_list_of_digests_nothing_of_a_version_is_pulled(
    manifest: bytes | None, workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    folder_store.delete([commit.prefix + MANIFEST])
    if manifest is not None:
        put(folder_store, commit.prefix + MANIFEST, manifest)
    with pytest.raises(
        ArtifactError, match=rf"^{NAME}@v1 is not whole in the store; `matteflow ver"
    ):
        pull_version(VersionRegistry(folder_store), commit, here)
    assert not here.exists()


def _forged(store: ObjectStore, names: list[str]) -> Commit:
    """Put a version whose list of digests fits its tree, but names files as nobody should."""
    data = b"evil"
    manifest = "".join(f"{digest_bytes(data)}  {name}\n" for name in names).encode()
    commit = record(1, tree=digest_bytes(manifest)[:32])
    put(store, commit.prefix + MANIFEST, manifest)
    put(store, commit.prefix + "good.txt", data)
    return commit


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt", "img_dir/../../evil.txt", "..", "a/..", "/evil.txt", "//evil.txt",
        "./evil.txt", "a/./evil.txt", "",
    ],
)  # fmt: skip
def test_a_version_that_names_files_elsewhere_is_refused(
    name: str, folder_store: FolderStore, here: Path, tmp_path: Path
) -> None:
    commit = _forged(folder_store, ["good.txt", name])
    before = files_in(tmp_path)
    with pytest.raises(ArtifactError, match=r"names a file '.*', which cannot be pulled"):
        pull_version(VersionRegistry(folder_store), commit, here)
    assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["a..b/c.txt", "...", "img_dir/..hidden", "name with  spaces", "größe.txt"]
)
def test_a_name_that_only_looks_like_a_way_up_is_pulled(
    name: str, folder_store: FolderStore, here: Path
) -> None:
    commit = _forged(folder_store, ["good.txt", name])
    put(folder_store, commit.prefix + name, b"evil")
    pull_version(VersionRegistry(folder_store), commit, here)
    assert files_in(here / NAME).keys() == {"good.txt", name, MANIFEST}


@pytest.mark.parametrize("blocked", ["", "img_dir"], ids=["the folder", "a folder in it"])
def test_a_file_where_a_folder_must_be_is_told(
    blocked: str, workspace: Workspace, folder_store: FolderStore, here: Path
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    path = here / NAME / blocked
    path.parent.mkdir(parents=True)
    path.write_bytes(b"in the way")
    with pytest.raises(MatteflowError, match=rf"{NAME} (cannot be written|holds 1 files)"):
        pull_version(VersionRegistry(folder_store), commit, here)
    assert path.read_bytes() == b"in the way"


def test_a_disk_that_is_full_is_told_and_nothing_is_called_whole(
    workspace: Workspace, any_store: ObjectStore, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = push_samples(workspace, any_store, "a")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(
        InputError, match=rf"{NAME} cannot be written: No space left on device\. Fix that"
    ):
        pull_version(VersionRegistry(any_store), commit, here)
    assert files_in(here / NAME) == {}
