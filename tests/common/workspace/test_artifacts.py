"""Artifacts: when they are there, when they may be trusted, when they are made anew."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tasks.common.errors import ArtifactError
from tasks.common.schema.rows import Frame
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tests.common.builders import KEY, drop, write_frames, written

FOLDER = f"sample/{KEY[:2]}/{KEY}"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def _flip(path: Path, position: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_nothing_is_found_in_a_workspace_that_is_not_there(workspace: Workspace) -> None:
    assert workspace.find("sample", KEY) is None


def test_an_artifact_without_items_is_found(workspace: Workspace) -> None:
    made = ArtifactWriter(workspace, "sample", KEY).commit_rows(Frame, [], [], n_in=0)
    assert workspace.find("sample", KEY) == made


def test_an_artifact_is_found_with_the_account_that_it_was_written_with(
    workspace: Workspace,
) -> None:
    made = written(workspace)
    assert (made.n_in, made.n_kept, made.n_dropped, made.n_out) == (3, 2, 1, 2)
    assert workspace.find("sample", KEY) == made


def test_an_artifact_is_not_found_under_another_stage(workspace: Workspace) -> None:
    written(workspace)
    assert workspace.find("detect", KEY) is None


def test_what_was_kept_and_dropped_can_be_read(workspace: Workspace) -> None:
    made = written(workspace)
    assert workspace.items(made)["frame_id"].tolist() == ["f0", "f1"]
    assert workspace.drops(made)["item"].tolist() == ["d0"]


def test_an_artifact_without_its_marker_does_not_exist(workspace: Workspace) -> None:
    written(workspace)
    workspace.path(f"{FOLDER}/artifact.json").unlink()
    assert workspace.find("sample", KEY) is None


def test_a_writer_that_stops_before_its_commit_leaves_no_artifact(workspace: Workspace) -> None:
    ArtifactWriter(workspace, "sample", KEY).put("0.jpg", b"bytes")
    assert workspace.find("sample", KEY) is None


@pytest.mark.parametrize("failing", ["items.parquet", "drops.parquet", "artifact.json"])
def test_a_commit_that_breaks_off_leaves_no_artifact(
    failing: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = workspace.write

    def break_off(relative: str, data: bytes, later: Any = None) -> None:
        if relative.endswith(failing):
            raise OSError("disk full")
        write(relative, data, later)

    monkeypatch.setattr(workspace, "write", break_off)
    with pytest.raises(OSError, match="disk full"):
        written(workspace)
    assert workspace.find("sample", KEY) is None


NAMES = ["0.jpg", "1.jpg", "items.parquet", "drops.parquet", "artifact.json"]


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_that_lacks_a_file_is_not_found(name: str, workspace: Workspace) -> None:
    written(workspace)
    workspace.path(f"{FOLDER}/{name}").unlink()
    assert workspace.find("sample", KEY) is None


@pytest.mark.parametrize("position", [0, 8, -1], ids=["first byte", "inside", "last byte"])
@pytest.mark.parametrize("name", NAMES[:-1])
def test_an_artifact_with_a_flipped_bit_is_not_found(
    name: str, position: int, workspace: Workspace
) -> None:
    written(workspace)
    _flip(workspace.path(f"{FOLDER}/{name}"), position)
    assert workspace.find("sample", KEY) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b"\xff\xfe"])
def test_an_artifact_with_a_damaged_marker_is_not_found(text: bytes, workspace: Workspace) -> None:
    written(workspace)
    workspace.path(f"{FOLDER}/artifact.json").write_bytes(text)
    assert workspace.find("sample", KEY) is None


def test_by_size_a_changed_file_is_trusted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, verify="size")
    made = written(workspace)
    _flip(workspace.path(f"{FOLDER}/0.jpg"))
    assert workspace.find("sample", KEY) == made


@pytest.mark.parametrize("name", ["items.parquet", "drops.parquet"])
def test_by_size_a_changed_table_is_not_trusted(name: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, verify="size")
    written(workspace)
    _flip(workspace.path(f"{FOLDER}/{name}"))
    assert workspace.find("sample", KEY) is None


def test_by_size_an_empty_file_is_not_trusted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, verify="size")
    written(workspace)
    workspace.path(f"{FOLDER}/1.jpg").write_bytes(b"")
    assert workspace.find("sample", KEY) is None


def test_by_size_a_file_that_is_gone_is_missed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, verify="size")
    written(workspace)
    workspace.path(f"{FOLDER}/1.jpg").unlink()
    assert workspace.find("sample", KEY) is None


@pytest.mark.parametrize("damage", ["gone", "empty", "cut short"])
def test_a_damaged_table_is_told_to_the_reader_with_the_remedy(
    damage: str, workspace: Workspace
) -> None:
    made = written(workspace)
    path = workspace.path(f"{FOLDER}/items.parquet")
    kept = {"gone": None, "empty": b"", "cut short": path.read_bytes()[:-20]}[damage]
    path.unlink() if kept is None else path.write_bytes(kept)
    with pytest.raises(ArtifactError, match=r"items table of stage sample .* Run the same ingest"):
        workspace.items(made)


def test_what_is_there_is_not_made_again(workspace: Workspace) -> None:
    make = Mock(side_effect=write_frames)
    first = reuse_or_make(workspace, "sample", KEY, make)
    assert reuse_or_make(workspace, "sample", KEY, make) == first
    assert make.call_count == 1


def test_what_is_damaged_is_made_again(workspace: Workspace) -> None:
    make = Mock(side_effect=write_frames)
    first = reuse_or_make(workspace, "sample", KEY, make)
    _flip(workspace.path(f"{FOLDER}/0.jpg"))
    assert reuse_or_make(workspace, "sample", KEY, make) == first
    assert make.call_count == 2
    assert workspace.find("sample", KEY) == first


@examples(max_examples=15, deadline=None)
@given(n_kept=st.integers(0, 4), n_dropped=st.integers(0, 4))
def test_every_item_is_kept_or_dropped(
    tmp_path_factory: pytest.TempPathFactory, n_kept: int, n_dropped: int
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("w"))
    made = write_frames(ArtifactWriter(workspace, "sample", KEY), n_kept, n_dropped)
    assert (made.n_in, made.n_kept, made.n_dropped) == (n_kept + n_dropped, n_kept, n_dropped)
    assert len(workspace.drops(made)) == n_dropped


def test_the_digest_is_that_of_the_items(workspace: Workspace) -> None:
    made = written(workspace)
    fewer = write_frames(ArtifactWriter(workspace, "sample", "cd" + KEY[2:]), n_kept=1)
    assert made.digest != fewer.digest


def test_the_digest_does_not_depend_on_what_was_dropped(workspace: Workspace) -> None:
    rows = [Frame("a", "m", 0.5, 64, 48, "flat", "a.jpg", "0")]
    one = ArtifactWriter(workspace, "sample", KEY).commit_rows(Frame, rows, [], n_in=1)
    other = ArtifactWriter(workspace, "sample", "cd" + KEY[2:]).commit_rows(
        Frame, rows, [drop("b")], n_in=2
    )
    assert one.digest == other.digest


def test_a_digest_names_what_came_out_and_not_where_it_lies(workspace: Workspace) -> None:
    one, other = (write_frames(ArtifactWriter(workspace, "sample", key)) for key in ("a", "b"))
    assert (one.key, one.digest) == ("a", other.digest)
