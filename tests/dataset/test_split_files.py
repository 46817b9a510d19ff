"""The lists of a tree: which stems are for training, which for validation, and by scene."""

from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.trees import Tree, lists_of, read_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return read_tree(Workspace(tmp_path_factory.mktemp("workspace")))


def test_split_lists_are_stems_in_order_each_on_a_line_of_its_own(tree: Tree) -> None:
    assert tree["split_dir/val.txt"] == b"cafe-a\ncafe-b\n"
    assert tree["split_dir/train.txt"] == b"street-a\n"


def test_each_scene_has_a_list_for_each_side_that_it_is_on(tree: Tree) -> None:
    lists = lists_of(tree)
    assert lists["night-train.txt"] == lists["street-train.txt"] == ["street-a"]
    assert lists["indoor-val.txt"] == ["cafe-a", "cafe-b"]


def test_a_list_lies_wholly_on_one_side(tree: Tree) -> None:
    for name, stems in lists_of(tree).items():
        side = name.removesuffix(".txt").rsplit("-", 1)[-1]
        assert [f"img_dir/{side}/{stem}.jpg" in tree for stem in stems] == [True] * len(stems)


def test_no_list_is_empty_or_names_a_stem_twice(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    twice = source("street", scenes=("night", "night"))
    lists = lists_of(read_tree(workspace, judged(workspace, twice, [Crop("a")])))
    assert lists == {"train.txt": ["street-a"], "night-train.txt": ["street-a"]}


def test_a_list_has_neither_byte_order_mark_nor_carriage_returns(tree: Tree) -> None:
    text = b"".join(data for name, data in tree.items() if name.startswith("split_dir/"))
    assert (b"\xef\xbb\xbf" in text, b"\r" in text) == (False, False)


@pytest.mark.parametrize("scene", ["../../../gone", "a/b", "/tmp/gone", ".hidden", "two\nlines"])
def test_a_scene_cannot_place_its_list_elsewhere(scene: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    try:
        names = list(
            read_tree(workspace, judged(workspace, source("s", scenes=(scene,)), [Crop("a")]))
        )
    except (ValueError, InputError):
        return
    lists = [Path(name) for name in names if name.endswith(".txt")]
    assert [path.parent for path in lists] == [Path("split_dir")] * len(lists)
    assert [path.name for path in lists if path.name.startswith(".") or "\n" in path.name] == []
