"""YAML of strangers: whoever reads it refuses bombs with a sentence, and in no time."""

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.common.errors import InputError
from tasks.common.recipe.models import load_recipe
from tasks.common.recipe.override import override_recipe
from tasks.common.recipe.scene_files import inline_scene_files
from tasks.common.yaml_text import load_yaml
from tasks.download.sources.read import read_sources

LEVELS = "abcdefghij"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in pairwise(LEVELS)
)  # 10 ** 10 values
MERGE_BOMB = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join(['*' + before] * 10)}], {name}1: 1}}\n"
    for before, name in pairwise(LEVELS)
)
HOSTILE = {
    "aliases": (BOMB, "aliases stand for"),
    "merged aliases": (MERGE_BOMB, "aliases stand for"),
    "aliases in place": (f"sources: &a\n- scenes: {BOMB!r}\n- *a\n", "part of"),
    "nested lists": ("[" * 100_000, "nested more than 50 deep"),
    "nested keys": ("{a: " * 5_000, "nested more than 50 deep"),
    "nested by indent": ("".join(f"{' ' * n}a:\n" for n in range(900)), "nested more than 50 deep"),
    "a closed nest": ("[" * 800 + "]" * 800, "nested more than 50 deep"),
    "no date": ("sources: 2026-02-30", "day is out of range"),
}


@pytest.mark.parametrize("text, sentence", HOSTILE.values(), ids=HOSTILE)  # noqa: PT006
def test_a_bomb_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    before_s = time.process_time()
    with pytest.raises(yaml.YAMLError, match=sentence):
        load_yaml(text)
    assert time.process_time() - before_s < 2.0


READERS: dict[str, Callable[[Path], Any]] = {
    "recipe": lambda path: load_recipe(str(path)),
    "recipe with an override": lambda path: override_recipe(str(path), ["sharpness.min=1"]),
    "override": lambda path: override_recipe("demo", [f"sharpness.min={path.read_text()}"]),
    "source list": lambda path: read_sources(str(path)),
    "scenes": lambda path: inline_scene_files({"publish": {"scenes": path.name}}, path.parent),
}


@pytest.mark.parametrize("name", ["aliases", "nested lists", "no date"])
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_says_so(tmp_path: Path, reader: str, name: str) -> None:
    path = tmp_path / "bomb.yaml"
    path.write_text(HOSTILE[name][0])
    before_s = time.process_time()
    with pytest.raises(InputError, match="YAML"):
        READERS[reader](path)
    assert time.process_time() - before_s < 2.0


def test_anchors_of_ordinary_size_are_read() -> None:
    text = "base: &base {licence: CC0-1.0, scenes: [park, beach]}\nsources:\n" + "".join(
        f"- {{<<: *base, source_id: s{n}}}\n" for n in range(3000)
    )
    sources = load_yaml(text)["sources"]
    assert len(sources) == 3000
    assert sources[7] == {"source_id": "s7", "licence": "CC0-1.0", "scenes": ["park", "beach"]}


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("7", 7), ("{}", {}), ("a: no", {"a": False})]
)
def test_plain_values_are_what_they_were(text: str, value: Any) -> None:
    assert load_yaml(text) == value == yaml.safe_load(text)
