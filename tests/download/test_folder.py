"""A folder as a list of sources: which files count, and what they are called."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import InputError
from tasks.common.settings import settings
from tasks.download.sources.read import read_sources


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def test_a_folder_in_matteflows_own_is_refused_with_what_to_do(tmp_path: Path) -> None:
    inside = touch(settings().home / "in", "a.mp4")
    with pytest.raises(InputError, match=r"lies in matteflow's own folder .* Move the media"):
        list(read_sources(str(inside)))


def test_a_folder_without_media_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt")
    with pytest.raises(InputError, match="holds no video or photo"):
        read_sources(str(tmp_path))


def test_a_folder_gives_its_media_in_order_and_nothing_else(tmp_path: Path) -> None:
    touch(tmp_path, "b.MP4", "a.jpg", "sub/c.mkv", "notes.txt", "sub/x.csv")
    (tmp_path / "d.mp4").mkdir()
    assert [(s.source_id, s.uri) for s in read_sources(str(tmp_path))] == [
        ("a.jpg", str(tmp_path / "a.jpg")),
        ("b.MP4", str(tmp_path / "b.MP4")),
        ("sub-c.mkv-d1e38230", str(tmp_path / "sub" / "c.mkv")),
    ]


def test_files_whose_names_make_the_same_id_get_different_ones(tmp_path: Path) -> None:
    touch(tmp_path, "a b.mp4", "a-b.mp4", "a-b.mov", "c.mp4")
    ids = [source.source_id for source in read_sources(str(tmp_path))]
    assert len(set(ids)) == 4
    assert ids[1:] == ["a-b.mov", "a-b.mp4", "c.mp4"]
    assert ids[0].startswith("a-b.mp4-")


def test_files_that_come_later_rename_nobody(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    before = read_sources(str(tmp_path))
    touch(tmp_path, "a.png", "A.jpg", "b/a.jpg")
    assert set(before) < set(read_sources(str(tmp_path)))


def test_hidden_files_and_what_the_program_keeps_are_no_sources(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", ".venv/b.jpg", "._c.mp4")
    touch(settings().workspace, "frame.jpg")
    parent = settings().home.parent
    assert [source.uri for source in read_sources(str(parent))] == [str(tmp_path / "a.jpg")]


def test_ids_do_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    names = ("a b.mp4", "a-b.mp4", "über.jpg", "§.png")
    here, there = touch(tmp_path / "here", *names), touch(tmp_path / "there", *names)
    ids = [[source.source_id for source in read_sources(str(folder))] for folder in (here, there)]
    assert ids[0] == ids[1]


@given(
    names=st.sets(
        st.text(st.sampled_from(string.ascii_letters[:3] + "-_. ü§0"), min_size=1, max_size=6),
        min_size=1,
        max_size=8,
    )
)
def test_ids_of_a_folder_are_valid_and_unique(
    tmp_path_factory: pytest.TempPathFactory, names: set[str]
) -> None:
    names = names | {"x"}  # the others may all be hidden
    folder = touch(tmp_path_factory.mktemp("f"), *(f"{name}.mp4" for name in names))
    ids = [source.source_id for source in read_sources(str(folder))]
    assert len(set(ids)) == len([name for name in names if not name.startswith(".")])
