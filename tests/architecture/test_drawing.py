"""ARCHITECTURE.md draws what the code does, and names rooms and files that are there."""

import ast
import re
from collections.abc import Iterable, Iterator
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
    return {Edge(made_by[variable], str(label), stage) for variable, label, stage in edges}


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


def test_the_code_has_the_ten_doors_that_the_comparison_rests_on() -> None:
    assert len(coded_edges()) == 10


# Per run.


def room_tasks() -> dict[tuple[str, str], str]:
    """Return the room of each Prefect task, by module and name: functions under `@run_task(…)`."""
    found = {}
    for path in (ROOT / "tasks").glob("*/task.py"):
        room = path.parent.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and _is_run_task(node):
                found[f"tasks.{room}.task", node.name] = room
    return found


def _is_run_task(function: ast.FunctionDef) -> bool:
    return any("run_task" in ast.unparse(decorator) for decorator in function.decorator_list)


def run_calls(code: str, tasks: dict[tuple[str, str], str]) -> tuple[set[str], set[Edge]]:
    """Return which rooms' run tasks a flow calls, and what it hands from one to another.

    Within one function, `name = task(…)` makes `name` the room's; a later task that is given
    `name`, or something of it (`name.key`), takes it from there. The data is called by the
    keyword that passes it, else by the variable's name.
    """
    tree = ast.parse(code)
    rooms = _imported_tasks(tree, tasks)
    called: set[str] = set()
    edges: set[Edge] = set()
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        made_by: dict[str, str] = {}
        for line in _in_order(function):
            for call in _calls_of(line, rooms):
                room = rooms[_called_name(call)]
                called.add(room)
                for variable, data in _handed(call):
                    if variable in made_by:
                        edges.add(Edge(made_by[variable], data, room))
            match line:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    makers = [rooms[_called_name(call)] for call in _calls_of(value, rooms)]
                    # `result = state.result()` hands the same thing on under another name.
                    makers += [made_by[used] for used in _names(value) if used in made_by]
                    if makers:
                        made_by[name] = makers[0]
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
    calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
    return [call for call in calls if _called_name(call) in rooms]


def _called_name(call: ast.Call) -> str:
    """Return `task` of `task(…)`, `task.submit(…)` and `task.with_options(…)(…)`."""
    function: ast.expr = call.func
    while isinstance(function, ast.Attribute | ast.Call):
        function = function.value if isinstance(function, ast.Attribute) else function.func
    return function.id if isinstance(function, ast.Name) else ""


def _handed(call: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield each variable that a call is given, with what the data is called."""
    for argument in call.args:
        yield from ((name, name) for name in _names(argument))
    for keyword in call.keywords:
        yield from ((name, keyword.arg or name) for name in _names(keyword.value))


def _names(node: ast.AST) -> Iterable[str]:
    return [name.id for name in ast.walk(node) if isinstance(name, ast.Name)]


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
    assert called, "no flow calls a task of a run"
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
    write_file(tree)
    return publish.with_options(retries=3)(tree=tree.key)

def other(crops):
    return build(crops)
"""
TASKS = {
    ("tasks.deduplicate.task", "deduplicate"): "deduplicate",
    ("tasks.dataset.task", "dataset"): "dataset",
    ("tasks.publish.task", "publish"): "publish",
}


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
    assert writers <= first_column("room") | {"screen"}
