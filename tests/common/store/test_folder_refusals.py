"""What a folder that cannot be written says: who has to do what, and nothing half is left."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import InputError, WorldError
from tasks.common.store.folder import FolderStore
from tests.common.store.stores import content_of, files_under

DATA = b"bytes"
WRITES: dict[str, Callable[[FolderStore], Any]] = {
    "put": lambda store: store.put("b/c", DATA),
    "put_if_absent": lambda store: store.put_if_absent("b/c", DATA),
    "swap": lambda store: store.swap("b/c", None, DATA),
    "probe": lambda store: store.probe(),
}
READS: dict[str, Callable[[FolderStore, Path], Any]] = {
    "get": lambda store, _: store.get("a/b/c"),
    "fetch": lambda store, new: store.fetch("a/b/c", new),
    "copy": lambda store, _: store.copy("a/b/c", "a/b/d", content_of(DATA)),
    "list_objects": lambda store, _: store.list_objects("a/"),
    "list_folders": lambda store, _: store.list_folders("a/"),
}
KINDS = [
    pytest.param(errno.ENOSPC, InputError, "Make room", id="disk full"),
    pytest.param(errno.EDQUOT, InputError, "Make room", id="quota"),
    pytest.param(errno.EFBIG, InputError, "Make room", id="file too big"),
    pytest.param(errno.EACCES, InputError, "Fix its permissions", id="rights"),
    pytest.param(errno.EPERM, InputError, "Fix its permissions", id="not permitted"),
    pytest.param(errno.EROFS, InputError, "Fix its permissions", id="read-only"),
    pytest.param(errno.EIO, WorldError, "Run it again", id="disk fails"),
    pytest.param(errno.ESTALE, WorldError, "Run it again", id="network folder gone"),
]


@contextmanager
def files_up_to(n_bytes: int) -> Iterator[None]:
    """Let the operating system refuse longer files, as a full disk does in the middle of one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def refuse(monkeypatch: pytest.MonkeyPatch, function: str, number: int) -> None:
    """Let a function of the operating system fail."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(function, fail)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(("number", "kind", "mend"), KINDS)
def test_a_write_that_fails_names_store_reason_and_mend_and_leaves_nothing(
    write: str,
    number: int,
    kind: type[Exception],
    mend: str,
    folder: FolderStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse(monkeypatch, "os.fsync", number)
    with pytest.raises(kind) as failed:
        WRITES[write](folder)
    for part in (str(folder.root), os.strerror(number), mend):
        assert part in str(failed.value)
    assert [name for name in files_under(folder.root) if name != ".lock"] == []


@pytest.mark.parametrize("there", [b"was there", None])
def test_a_disk_that_fills_up_in_the_middle_leaves_what_was_there(
    there: bytes | None, folder: FolderStore
) -> None:
    if there is not None:
        folder.put("a/b", there)
    with files_up_to(1 << 20), pytest.raises(InputError, match="no room left"):
        folder.put("a/b", bytes(3 << 20))
    assert folder.get("a/b") == there
    assert [name for name in files_under(folder.root) if name != "a/b"] == []


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("number", "kind", "mend"),
    [
        pytest.param(errno.EACCES, InputError, "Fix its permissions", id="rights"),
        pytest.param(errno.EIO, WorldError, "Run it again", id="disk fails"),
    ],
)
def test_what_cannot_be_read_is_not_taken_for_what_is_not_there(
    read: str,
    number: int,
    kind: type[Exception],
    mend: str,
    folder: FolderStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder.put("a/b/c", DATA)
    for function in ("io.open", "os.scandir", "os.listdir"):
        refuse(monkeypatch, function, number)
    with pytest.raises(kind, match=mend):
        READS[read](folder, tmp_path / "new")


@pytest.mark.parametrize("write", WRITES)
def test_a_store_that_is_a_file_is_refused(write: str, tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"a file")
    with pytest.raises(InputError, match="choose another with --store or MATTEFLOW_STORE"):
        WRITES[write](FolderStore(tmp_path / "store"))
    assert (tmp_path / "store").read_bytes() == b"a file"


def test_a_copy_that_breaks_off_changes_nothing(
    folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("a/1", DATA)
    folder.put("a/2", b"was there")
    with monkeypatch.context() as broken:
        refuse(broken, "os.link", errno.ENOSPC)
        with pytest.raises(InputError, match="Make room"):
            folder.copy("a/1", "a/2", content_of(DATA))
    assert (folder.get("a/2"), files_under(folder.root)) == (b"was there", ["a/1", "a/2"])


def test_what_was_put_before_the_disk_was_full_stays(folder: FolderStore) -> None:
    folder.put("a/1", DATA)
    with files_up_to(1 << 20), pytest.raises(InputError):
        folder.put("a/2", bytes(3 << 20))
    folder.put("a/2", DATA)
    assert sorted(folder.list_objects("a/")) == ["a/1", "a/2"]
