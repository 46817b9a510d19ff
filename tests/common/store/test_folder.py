"""What is special to a folder as a store: read-only files, hard links, halves of killed writers."""

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import Stored
from tests.common.store.stores import at_once, content_of, files_under

DATA = b"bytes"
WRITES = {
    "put": lambda store: store.put("b/c", DATA),
    "put_if_absent": lambda store: store.put_if_absent("b/c", DATA),
    "swap": lambda store: store.swap("b/c", None, DATA),
    "copy": lambda store: store.copy("a/source", "b/c", content_of(DATA)),
}
NOW = datetime.now(UTC)
LINKLESS = [
    pytest.param(errno.EPERM, id="file system without links"),
    pytest.param(errno.ENOTSUP, id="not supported"),
    pytest.param(errno.EMLINK, id="too many links"),
]


@pytest.fixture
def linkless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no hard link be made, for the reason that the test names."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr("os.link", refuse)


def rot(folder: FolderStore, key: str) -> None:
    """Change an object's bytes and not its size, as a dying disk does."""
    path = folder.root / key
    path.chmod(0o644)
    path.write_bytes(b"?" * path.stat().st_size)
    path.chmod(0o444)


@pytest.mark.parametrize("write", WRITES)
def test_a_write_leaves_one_read_only_file_and_nothing_half(
    write: str, folder: FolderStore
) -> None:
    folder.put("a/source", DATA)
    WRITES[write](folder)
    assert (folder.root / "b/c").stat().st_mode & 0o777 == 0o444
    assert [name for name in files_under(folder.root) if name != ".lock"] == ["a/source", "b/c"]


def test_a_half_written_object_is_neither_listed_nor_read(
    folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[dict[str, Stored], bytes | None, bytes | None]] = []

    def look(_: int) -> None:
        seen.append((folder.list_objects("a/"), folder.get("a/b"), folder.get("a/c")))

    monkeypatch.setattr("os.fsync", look)
    folder.put("a/b", DATA)
    folder.put_if_absent("a/c", DATA)
    (before_put, *_, before_link, _) = seen
    assert before_put == ({}, None, None)
    assert before_link == ({"a/b": Stored(5)}, DATA, None)


@pytest.mark.parametrize("write", ["put", "put_if_absent", "copy"])
def test_a_written_name_is_waited_for_as_well_as_its_bytes(
    write: str, folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("a/source", DATA)
    synced: list[Path] = []

    def note(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())

    monkeypatch.setattr("os.fsync", note)
    WRITES[write](folder)
    *staged, made, named = synced
    assert (made, named) == (folder.root, folder.root / "b")  # the folder b, then the name in it
    assert [path.parent.name for path in staged] == ([] if write == "copy" else [".incoming"])


def test_a_copy_moves_no_bytes(folder: FolderStore) -> None:
    folder.put("a", DATA)
    assert folder.copy("a", "b/c", content_of(DATA)) is True
    assert (folder.root / "a").samefile(folder.root / "b" / "c")


def test_damage_does_not_spread_to_a_copy(folder: FolderStore) -> None:
    folder.put("a", DATA)
    folder.put("b", b"was there")
    rot(folder, "a")
    assert folder.copy("a", "b", content_of(DATA)) is False
    assert folder.get("b") == b"was there"


def test_a_listing_tells_sizes_and_no_md5(folder: FolderStore) -> None:
    folder.put("a/b", DATA)
    assert folder.list_objects("a/") == {"a/b": Stored(5, None)}


@pytest.mark.parametrize("linkless", LINKLESS, indirect=True)
@pytest.mark.usefixtures("linkless")
class TestWithoutHardLinks:
    def test_an_object_is_put_once(self, folder: FolderStore) -> None:
        assert folder.put_if_absent("a/b", b"first") is True
        assert folder.put_if_absent("a/b", b"second") is False
        assert folder.get("a/b") == b"first"

    def test_one_of_many_writers_wins(self, folder: FolderStore) -> None:
        writers = [bytes([number]) * 100 for number in range(8)]
        wrote = at_once(lambda data: folder.put_if_absent("a/b", data), writers)
        assert wrote.count(True) == 1
        assert folder.get("a/b") == writers[wrote.index(True)]

    def test_a_copy_says_no_and_changes_nothing(self, folder: FolderStore) -> None:
        folder.put("a/1", DATA)
        folder.put("a/2", b"was there")
        assert folder.copy("a/1", "a/2", content_of(DATA)) is False
        assert folder.copy("a/1", "a/3", content_of(DATA)) is False
        assert (folder.get("a/2"), folder.get("a/3")) == (b"was there", None)
        assert [name for name in files_under(folder.root) if "incoming" in name] == []

    def test_a_swap_is_done(self, folder: FolderStore) -> None:
        assert folder.swap("a", None, b"first") is True
        assert folder.swap("a", b"first", b"second") is True
        assert folder.get("a") == b"second"


def test_what_appears_while_a_swap_is_under_way_is_not_overwritten(
    folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote: list[bool] = []

    def meet(_: int) -> None:
        if not wrote:
            wrote.append(False)
            wrote[0] = folder.put_if_absent("a", b"from the other")

    monkeypatch.setattr("os.fsync", meet)
    swapped = folder.swap("a", None, b"from the swap")
    assert [*wrote, swapped].count(True) == 1
    assert folder.get("a") == (b"from the swap" if swapped else b"from the other")


def test_removing_takes_folders_that_it_empties_and_no_others(folder: FolderStore) -> None:
    for key in ("a/b/c/1", "a/b/c/2", "a/d/1"):
        folder.put(key, DATA)
    folder.delete(["a/b/c/1"])
    assert (folder.list_folders("a/"), folder.list_folders("a/b/")) == (["b", "d"], ["c"])
    folder.delete(["a/b/c/2"])
    assert folder.list_folders("a/") == ["d"]
    folder.delete(["a/d/1"])
    assert (folder.root.is_dir(), (folder.root / "a").exists()) == (True, False)


@pytest.mark.usefixtures("no_fsync")
def test_a_writer_is_not_disturbed_by_another_who_empties_the_folder(folder: FolderStore) -> None:
    def work(number: int) -> None:
        for _ in range(500):
            folder.put(f"a/b/{number}", DATA)
            folder.delete([f"a/b/{number}"])

    at_once(work, range(2))
    assert folder.list_objects("a/") == {}


def test_a_probe_leaves_no_file(folder: FolderStore) -> None:
    folder.probe()
    assert files_under(folder.root) == []


def test_an_address_is_one_that_a_program_can_open(folder: FolderStore) -> None:
    assert folder.url("a b/c") == (folder.root / "a b" / "c").as_uri()


class TestHalvesOfKilledWriters:
    def test_are_none_where_nobody_was_killed(self, folder: FolderStore) -> None:
        assert folder.stale_uploads(NOW) == {}
        folder.put("a/b", DATA)
        assert folder.stale_uploads(NOW + timedelta(days=1)) == {}

    @pytest.mark.parametrize(
        ("before", "found"),
        [
            pytest.param(NOW + timedelta(days=1), {".incoming/half": 4}, id="older"),
            pytest.param(NOW - timedelta(days=1), {}, id="younger"),
        ],
    )
    def test_are_told_with_their_sizes_once_they_are_old(
        self, before: datetime, found: dict[str, int], folder: FolderStore
    ) -> None:
        folder.probe()
        (folder.root / ".incoming/half").write_bytes(b"half")
        assert folder.stale_uploads(before) == found

    def test_count_from_when_they_came_there_and_not_from_the_age_of_their_bytes(
        self, folder: FolderStore
    ) -> None:
        folder.put("a/old", DATA)
        os.utime(folder.root / "a/old", (0, 0))
        os.link(folder.root / "a/old", folder.root / ".incoming/copy")  # as a copy under way
        assert folder.stale_uploads(NOW - timedelta(days=1)) == {}

    def test_are_removed_like_objects(self, folder: FolderStore) -> None:
        folder.put("a/b", DATA)
        (folder.root / ".incoming/half").write_bytes(b"half")
        folder.delete(folder.stale_uploads(NOW + timedelta(days=1)))
        assert files_under(folder.root) == ["a/b"]
        folder.put("a/c", DATA)
        assert sorted(folder.list_objects("a/")) == ["a/b", "a/c"]
