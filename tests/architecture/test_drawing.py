"""ARCHITECTURE.md draws what the code does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TASK_NAMES = {"filter_verdicts": "filter"}


def drawn_edges() -> set[tuple[str, str, str]]:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    drawing = re.search(r"```mermaid\n(.*?)```", text, re.DOTALL)
    assert drawing is not None
    return set(re.findall(r"^\s*(\w+) -->\|(\w+)\| (\w+)$", drawing[1], re.MULTILINE))


def coded_edges() -> set[tuple[str, str, str]]:
    """Read `name = _submit(task, source, other=other, …)` out of flows/engine/per_source.py."""
    tree = ast.parse((ROOT / "flows" / "engine" / "per_source.py").read_text(encoding="utf-8"))
    made_by: dict[str, str] = {}
    edges = set()
    for name, value in _assigned(tree):
        match value:
            case ast.Call(
                func=ast.Name(id="_submit"), args=[ast.Name(id=task), *_], keywords=inputs
            ):
                stage = TASK_NAMES.get(task, task)
                made_by[name] = stage
                for keyword in inputs:
                    if isinstance(keyword.value, ast.Name):
                        edges.add((keyword.value.id, keyword.arg, stage))
    return {(made_by[variable], str(label), stage) for variable, label, stage in edges}


def _assigned(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield name and value of each assignment; of `a if … else b` both sides."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.IfExp(body=yes, orelse=no)):
                yield from ((name, yes), (name, no))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value


def test_the_drawing_shows_every_door_between_stages_and_no_other() -> None:
    between_stages = {edge for edge in drawn_edges() if edge[1] not in {"Source", "outcomes"}}
    assert between_stages == coded_edges()


def test_the_code_has_the_ten_doors_that_the_comparison_rests_on() -> None:
    assert len(coded_edges()) == 10


def test_every_room_has_a_line_in_the_house_and_every_line_a_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    house = text.split("tasks/\n", 1)[1].split("deployments/", 1)[0]
    drawn = set(re.findall(r"^  (\w+)/", house, re.MULTILINE))
    assert drawn == {path.parent.name for path in (ROOT / "tasks").glob("*/__init__.py")}


def test_every_file_that_the_house_names_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    house = text.split("## Rooms\n```\n", 1)[1].split("```", 1)[0]
    there = {path.name for path in ROOT.glob("*/**/*.py")}
    assert {name for name in re.findall(r"\w+\.py", house) if name not in there} == set()
