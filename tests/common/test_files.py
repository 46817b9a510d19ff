"""Files are written whole or not at all."""

import hashlib
from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.files import (
    digest_bytes,
    digest_file,
    replacing,
    require_writable,
    write_file,
)

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("data", [b"", b"some bytes", bytes(3_000_000)], ids=len)
def test_a_file_and_its_bytes_have_one_digest(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    assert digest_file(tmp_path / "file") == digest_bytes(data) == hashlib.sha256(data).hexdigest()


def test_the_digest_of_nothing_is_known() -> None:
    assert digest_bytes(b"") == EMPTY


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_written_with_its_folders_and_nothing_beside_it(
    durable: bool, tmp_path: Path
) -> None:
    write_file(tmp_path / "a" / "b", b"bytes", durable=durable)
    assert (tmp_path / "a" / "b").read_bytes() == b"bytes"
    assert _names(tmp_path / "a") == ["b"]


def test_the_longest_name_that_a_disk_takes_can_be_written(tmp_path: Path) -> None:
    write_file(tmp_path / ("x" * 255), b"bytes")
    assert _names(tmp_path) == ["x" * 255]


def _break_off(path: Path) -> None:
    with pytest.raises(RuntimeError, match="cut"), replacing(path) as stream:  # noqa: PT012
        stream.write(b"half")
        stream.flush()
        raise RuntimeError("cut")


def test_a_block_that_raises_leaves_nothing(tmp_path: Path) -> None:
    _break_off(tmp_path / "file")
    assert _names(tmp_path) == []


def test_a_block_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    write_file(tmp_path / "file", b"old")
    _break_off(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert _names(tmp_path) == ["file"]


def test_until_the_block_ends_readers_see_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")
    with replacing(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_who_has_the_old_file_open_reads_it_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")
    with path.open("rb") as reader:
        write_file(path, b"new")
        assert reader.read() == b"old"


def test_a_writable_folder_is_left_without_a_trace(tmp_path: Path) -> None:
    require_writable(tmp_path, "The store", "Choose another.")
    assert _names(tmp_path) == []


def test_a_folder_that_can_be_made_is_writable(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b", "The store", "Choose another.")
    assert _names(tmp_path / "a" / "b") == []


@pytest.mark.parametrize("below", ["", "folder", "folder/deeper"])
def test_a_place_under_a_file_is_refused_with_the_remedy(below: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = tmp_path / "file" / below
    with pytest.raises(InputError) as refused:
        require_writable(folder, "The store", "Choose another.")
    said = str(refused.value)
    assert said.startswith(f"The store {folder} cannot be written: ")
    assert said.endswith(". Choose another.")
