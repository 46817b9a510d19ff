"""A workspace in a bucket: what one machine wrote, another reads; nothing is there by halves."""

import os
from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import ArtifactError, InputError, WorldError
from tasks.common.files import digest_bytes
from tasks.common.settings import settings
from tasks.common.store.address import open_prefix
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace, reuse_or_make
from tests.common.builders import KEY, write_frames, written
from tests.publish.wrappers import Around

FOLDER = f"sample/{KEY[:2]}/{KEY}"


@pytest.fixture
def bucket(s3_address: str) -> ObjectStore:
    return open_prefix(s3_address)


def machine(tmp_path: Path, name: str, bucket: ObjectStore) -> Workspace:
    return Workspace(tmp_path / name, shared=bucket)


@pytest.fixture
def here(tmp_path: Path, bucket: ObjectStore) -> Workspace:
    return machine(tmp_path, "here", bucket)


@pytest.fixture
def there(tmp_path: Path, bucket: ObjectStore) -> Workspace:
    return machine(tmp_path, "there", bucket)


def test_a_bucket_without_artifacts_has_none(here: Workspace) -> None:
    assert (here.find("sample", KEY), here.names("sample"), here.read("a/b")) == (None, [], None)


def test_what_one_machine_made_another_finds_and_does_not_make_again(
    here: Workspace, there: Workspace
) -> None:
    made = written(here)
    found = reuse_or_make(there, "sample", KEY, lambda _: pytest.fail("made again"))
    assert found == made
    paths = there.items(found)["path"]
    assert [there.path(path).read_bytes() for path in paths] == [
        b"bytes of frame 0",
        b"bytes of frame 1",
    ]


def test_finding_an_artifact_fetches_its_tables_only(here: Workspace, there: Workspace) -> None:
    written(here)
    assert there.find("sample", KEY) is not None
    assert sorted(path.name for path in there.root.rglob("*") if path.is_file()) == [
        "drops.parquet",
        "items.parquet",
    ]


@pytest.mark.parametrize("name", ["0.jpg", "items.parquet", "drops.parquet", "artifact.json"])
def test_an_artifact_that_lost_a_file_in_the_bucket_is_not_there_for_anybody(
    name: str, here: Workspace, there: Workspace, bucket: ObjectStore
) -> None:
    written(here)
    bucket.delete([f"{FOLDER}/{name}"])
    assert there.find("sample", KEY) is None


@pytest.mark.parametrize("data", [b"", b"bytes of frame", b"bytes of frame 0 and more"])
def test_a_file_of_another_size_in_the_bucket_is_noticed(
    data: bytes, here: Workspace, there: Workspace, bucket: ObjectStore
) -> None:
    written(here)
    bucket.put(f"{FOLDER}/0.jpg", data, digest_bytes(data))
    assert (here.find("sample", KEY), there.find("sample", KEY)) == (None, None)


def test_a_damaged_copy_is_fetched_anew(here: Workspace) -> None:
    made = written(here)
    for name in ("0.jpg", "items.parquet"):
        (here.root / FOLDER / name).write_bytes(b"damaged")
    assert here.find("sample", KEY) == made
    assert (here.root / FOLDER / "0.jpg").read_bytes() == b"bytes of frame 0"


def test_an_artifact_is_there_only_when_all_its_files_are(
    tmp_path: Path, bucket: ObjectStore
) -> None:
    class Losing(Around):
        def put_file(self, key: str, path: Path, sha256: str) -> None:
            if key.endswith("1.jpg"):
                raise WorldError("The connection broke.")
            self.inner.put_file(key, path, sha256)

    with pytest.raises(WorldError, match="broke"):
        written(machine(tmp_path, "here", Losing(bucket)))
    assert bucket.get(f"{FOLDER}/artifact.json") is None
    assert machine(tmp_path, "there", bucket).find("sample", KEY) is None


def test_an_invalidated_artifact_is_missing_for_every_worker_and_can_be_made_again(
    here: Workspace, there: Workspace
) -> None:
    made = written(here)
    here.invalidate("sample", KEY)
    assert (here.find("sample", KEY), there.find("sample", KEY)) == (None, None)
    assert reuse_or_make(there, "sample", KEY, write_frames) == made
    assert here.find("sample", KEY) == made


def test_what_changes_is_read_as_it_is_now(here: Workspace, there: Workspace) -> None:
    here.write("runs/a/run.json", b"first")
    assert there.read("runs/a/run.json") == b"first"
    here.write("runs/a/run.json", b"second")
    assert there.read("runs/a/run.json") == b"second"
    assert there.names("runs") == ["runs/a/run.json"]


def test_a_finished_file_is_moved_in_for_all(
    here: Workspace, there: Workspace, tmp_path: Path
) -> None:
    finished = tmp_path / "finished"
    finished.write_bytes(b"a video")
    here.move_in("download/media/ab", finished, digest_bytes(b"a video"))
    assert not finished.exists()
    assert here.path("download/media/ab").read_bytes() == b"a video"
    assert there.path("download/media/ab").read_bytes() == b"a video"


def test_a_table_that_is_gone_says_what_to_do(here: Workspace, there: Workspace) -> None:
    made = written(here)
    here.remove([f"{FOLDER}/items.parquet"])
    with pytest.raises(ArtifactError, match="items table of stage sample is missing or damaged"):
        there.items(made)


def test_the_longest_unused_copies_go_first_and_what_is_in_use_stays(
    here: Workspace, there: Workspace
) -> None:
    made = written(here)
    for number in range(2):
        there.path(f"{FOLDER}/{number}.jpg")
    os.utime(there.root / FOLDER / "0.jpg", (1, 1))
    os.utime(there.root / FOLDER / "1.jpg", (2, 2))
    assert there.trim(max_bytes=1 << 30) == 0
    assert there.trim(max_bytes=len(b"bytes of frame 1")) == len(b"bytes of frame 0")
    assert not (there.root / FOLDER / "0.jpg").exists()
    there.items(made)
    assert there.trim(max_bytes=0) == len(b"bytes of frame 1")
    assert there.path(f"{FOLDER}/0.jpg").read_bytes() == b"bytes of frame 0"


def test_a_folder_is_never_trimmed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "folder")
    written(workspace)
    os.utime(workspace.root / FOLDER / "0.jpg", (1, 1))
    assert workspace.trim(max_bytes=0) == 0
    assert workspace.find("sample", KEY) is not None


def test_the_settings_take_a_bucket_for_a_workspace(
    s3_address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MATTEFLOW_WORKSPACE", s3_address)
    settings.cache_clear()
    assert settings().workspace == tmp_path / "home" / "workspace"
    workspace = Workspace.of(settings())
    workspace.probe()
    assert workspace.url("runs/a") == f"{s3_address}/runs/a"
    assert (workspace.location, Workspace.of(settings()) is workspace) == (s3_address, True)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        pytest.param(
            "s3://",
            "The address is 's3://'; expected s3://bucket/prefix. Set it with MATTEFLOW_WORKSPACE",
            id="no bucket",
        ),
        pytest.param("s3://me:secret@bucket/x", "holds credentials", id="credentials"),
        pytest.param("s3://nowhere-at-all/x", "nowhere-at-all", id="no such bucket"),
    ],
)
def test_a_bucket_that_cannot_be_is_refused(
    address: str, said: str, s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTEFLOW_WORKSPACE", address)
    settings.cache_clear()
    with pytest.raises(InputError, match=said) as refused:
        Workspace.of(settings()).probe()
    assert "secret" not in str(refused.value)


def test_a_large_file_comes_whole(here: Workspace, there: Workspace, tmp_path: Path) -> None:
    data: Any = os.urandom(3 << 20)
    (tmp_path / "large").write_bytes(data)
    here.move_in("download/media/large", tmp_path / "large", digest_bytes(data))
    assert there.path("download/media/large").read_bytes() == data
