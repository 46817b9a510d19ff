"""ARCHITECTURE.md draws what the code does, and names rooms and files that are there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
TASK_NAMES = {"filter_verdicts": "filter"}
# The flows that publish a run, and what they call; `maintain` only looks after versions.
FLOW_FILES = [
    *(path for path in (ROOT / "flows").glob("*.py") if path.stem != "maintain"),
    *(ROOT / "flows" / "engine").glob("*.py"),
]


class Edge(NamedTuple):
    """Data that one stage hands to another, as `data` is called there."""

    giver: str
    data: str
    taker: str


def drawn_edges(drawing: int) -> set[Edge]:
    """Read `giver -->|data| taker` out of one of the page's two drawings."""
    found = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
    assert len(found) == 2, "one drawing per source, one per run"
    lines = re.findall(r"^\s*(\w+) -->\|(\w+)\| (\w+)$", found[drawing], re.MULTILINE)
    return {Edge(*line) for line in lines}


# Per source.

FROM_PEOPLE = {"decisions"}  # read from the workspace: no stage makes them


def coded_edges() -> set[Edge]:
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
    return {
        Edge(made_by[variable], str(label), stage)
        for variable, label, stage in edges
        if variable not in FROM_PEOPLE
    }


def _assigned(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield name and value of each assignment; of `a if … else b` both sides."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.IfExp(body=yes, orelse=no)):
                yield from ((name, yes), (name, no))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value


def test_the_drawing_per_source_shows_every_door_between_stages_and_no_other() -> None:
    between_stages = {edge for edge in drawn_edges(0) if edge.data != "Source"}
    assert between_stages == coded_edges()


def test_the_code_has_the_fourteen_doors_that_the_comparison_rests_on() -> None:
    assert len(coded_edges()) == 14


# Per run.


def room_tasks() -> dict[tuple[str, str], str]:
    """Return the tasks that bear the name of their room, by module and name."""
    rooms = {path.parent.name: path for path in (ROOT / "tasks").glob("*/task.py")}
    return {
        (f"tasks.{room}.task", room): room
        for room, path in rooms.items()
        if room in task_names(path.read_text(encoding="utf-8"))
    }


def task_names(code: str) -> set[str]:
    """Return functions under `@run_task(…)` or `@stage_task(…)`, and names assigned from these."""
    names = set()
    for node in ast.parse(code).body:
        match node:
            case ast.FunctionDef(name=name, decorator_list=makers) if any(map(_makes_task, makers)):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _makes_task(value):
                names.add(name)
    return names


def _makes_task(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and _root(value) in {"run_task", "stage_task"}


def run_calls(code: str, tasks: dict[tuple[str, str], str]) -> tuple[set[str], set[Edge]]:
    """Return the rooms whose tasks a flow calls, and what it hands from one to another.

    Within one function, `name = task(…)` makes `name` the room's, and `other = name.result()` makes
    `other` its too. A later task that is given `name`, or a part of it (`name.key`), takes it from
    there. The data is called by the keyword that passes it, else by the variable's name.
    """
    tree = ast.parse(code)
    rooms = _imported_tasks(tree, tasks)
    called: set[str] = set()
    edges: set[Edge] = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        made_by: dict[str, str] = {}
        for line in _in_order(function):
            for call in _calls_of(line, rooms):
                room = rooms[_root(call)]
                called.add(room)
                handed = [(name, data) for name, data in _handed(call) if name in made_by]
                edges |= {Edge(made_by[name], data, room) for name, data in handed}
            match line:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    maker = rooms.get(_root(value)) or made_by.get(_root(value))
                    if maker is not None:
                        made_by[name] = maker
    return called, {edge for edge in edges if edge.giver != edge.taker}


def _imported_tasks(tree: ast.AST, tasks: dict[tuple[str, str], str]) -> dict[str, str]:
    return {
        alias.asname or alias.name: tasks[node.module, alias.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
        if (node.module, alias.name) in tasks
    }


def _in_order(function: ast.FunctionDef) -> list[ast.stmt]:
    """Return the simple statements of a function as they stand, from top to bottom."""
    simple = (ast.Assign, ast.Expr, ast.Return, ast.AnnAssign)
    lines = [node for node in ast.walk(function) if isinstance(node, simple)]
    return sorted(lines, key=lambda line: line.lineno)


def _calls_of(node: ast.AST, rooms: dict[str, str]) -> list[ast.Call]:
    return [
        call for call in ast.walk(node) if isinstance(call, ast.Call) and _root(call.func) in rooms
    ]


def _root(value: ast.expr) -> str:
    """Return `name` of `name`, `name.part`, `name(…)`, `name.submit(…)`, `name.part(…)(…)`."""
    while isinstance(value, ast.Attribute | ast.Call):
        value = value.value if isinstance(value, ast.Attribute) else value.func
    return value.id if isinstance(value, ast.Name) else ""


def _handed(call: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield each variable that a call is given, with what the data is called."""
    for argument in call.args:
        yield _root(argument), _root(argument)
    for keyword in call.keywords:
        yield _root(keyword.value), keyword.arg or _root(keyword.value)


def coded_run_edges() -> tuple[set[str], set[Edge]]:
    tasks = room_tasks()
    called: set[str] = set()
    edges: set[Edge] = set()
    for path in FLOW_FILES:
        rooms, found = run_calls(path.read_text(encoding="utf-8"), tasks)
        called |= rooms
        edges |= found
    return called, edges


def test_the_drawing_per_run_shows_every_door_between_rooms_that_flows_call() -> None:
    called, coded = coded_run_edges()
    drawn = {edge for edge in drawn_edges(1) if {edge.giver, edge.taker} <= called}
    assert drawn == coded


def test_every_room_of_a_run_is_drawn() -> None:
    called, _ = coded_run_edges()
    drawn = {room for edge in drawn_edges(1) for room in (edge.giver, edge.taker)}
    assert called <= drawn


COLUMN = """
from tasks.deduplicate.task import deduplicate
from tasks.dataset.task import dataset as build
from tasks.publish.task import publish
from tasks.common.files import write_file

def flow(outcomes):
    crops = deduplicate(outcomes)
    state = build(crops, recipe, return_state=True)
    tree = state.result()
    note = f"built {tree}"
    write_file(tree)
    return publish.with_options(retries=3)(tree=tree.key, note=note)

def without_a_maker(crops):
    return build(crops)
"""
TASKS = {
    ("tasks.deduplicate.task", "deduplicate"): "deduplicate",
    ("tasks.dataset.task", "dataset"): "dataset",
    ("tasks.publish.task", "publish"): "publish",
}


def test_a_task_is_found_as_a_function_and_as_a_name() -> None:
    code = """
@run_task("publish")
def publish(tree): ...
detect = stage_task("detect", find_people, version=1)
push = run_task("push")(push_tree)
def helper(tree): ...
LIMIT = int("3")
"""
    assert task_names(code) == {"publish", "detect", "push"}


def test_a_column_of_calls_is_read_with_aliases_states_and_options() -> None:
    called, edges = run_calls(COLUMN, TASKS)
    assert called == {"deduplicate", "dataset", "publish"}
    assert edges == {
        Edge("deduplicate", "crops", "dataset"),
        Edge("dataset", "tree", "publish"),
    }


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("def flow(x):\n    return x", id="no-task"),
        pytest.param("def flow(x):\n    y = deduplicate(x)\n    publish(y)", id="not-imported"),
    ],
)
def test_what_is_no_task_gives_no_edge(code: str) -> None:
    assert run_calls(code, TASKS) == (set(), set())


# Rooms and files.


def first_column(header: str) -> set[str]:
    """Return the names in the first column of the table with this header."""
    table = PAGE.split(f"\n| {header} |", 1)[1].split("\n\n", 1)[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


@pytest.mark.parametrize(
    ("header", "folder"),
    [
        pytest.param("room", "tasks", id="rooms"),
        pytest.param("shelf of `tasks/common`", "tasks/common", id="shelves"),
    ],
)
def test_every_package_has_a_row_and_every_row_a_package(header: str, folder: str) -> None:
    packages = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
    assert first_column(header) == packages


def test_every_table_names_a_room_or_stage_that_writes_it() -> None:
    table = PAGE.split("\n| table |", 1)[1].split("\n\n", 1)[0]
    writers = set(re.findall(r"`(\w+)`", table))
    assert writers <= first_column("room") | {"screen", "correct"}
