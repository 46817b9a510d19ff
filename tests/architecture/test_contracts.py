"""The import contracts hold, and would notice if they did not."""

import ast
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]


def imports_prefect(path: Path) -> bool:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return any(name.split(".")[0] == "prefect" for name in names)


def test_the_import_contracts_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == 0


def test_prefect_is_known_to_one_file_of_the_rooms_only() -> None:
    files = (ROOT / "tasks").rglob("*.py")
    knowing = {str(path.relative_to(ROOT)) for path in files if imports_prefect(path)}
    assert knowing == {"tasks/common/workspace/caching.py"}


def test_the_check_for_prefect_notices_an_import(tmp_path: Path) -> None:
    guilty = tmp_path / "stage.py"
    guilty.write_text("def f():\n    from prefect.states import Failed\n")
    assert imports_prefect(guilty)


# A loop in a flow would go through rows, sources or runs: all of that is work of rooms and engine.
LOOPS = (
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
FLOW_FILES = [pytest.param(path, id=path.stem) for path in sorted((ROOT / "flows").glob("*.py"))]


def is_beyond_a_flow(node: ast.AST) -> bool:
    """Return whether a node imports json, loops, or comprehends."""
    match node:
        case ast.Import(names=names):
            return any(alias.name == "json" for alias in names)
        case ast.ImportFrom(module=module):
            return module == "json"
    return isinstance(node, LOOPS)


def lines_beyond_a_flow(code: str) -> list[str]:
    nodes = ast.walk(ast.parse(code))
    return [ast.unparse(node) for node in nodes if is_beyond_a_flow(node)]


@pytest.mark.parametrize("path", FLOW_FILES)
def test_flows_hold_no_json_and_go_through_no_rows(path: Path) -> None:
    """Order is all that a flow decides: it is one column of calls."""
    assert lines_beyond_a_flow(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("import json", id="import"),
        pytest.param("from json import loads", id="from"),
        pytest.param("for row in rows: use(row)", id="for"),
        pytest.param("while rows: use(rows.pop())", id="while"),
        pytest.param("kept = [row for row in rows]", id="list"),
        pytest.param("kept = {row.id for row in rows}", id="set"),
        pytest.param("kept = {row.id: row for row in rows}", id="dict"),
        pytest.param("kept = sum(row.n for row in rows)", id="generator"),
    ],
)
def test_the_check_of_flows_notices_json_and_loops(line: str) -> None:
    assert lines_beyond_a_flow(f"def f():\n    {line}\n")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("crops = deduplicate(outcomes, bounds)", id="call"),
        pytest.param("if failed: return Failed(message=failed)", id="branch"),
    ],
)
def test_the_check_of_flows_allows_a_column_of_calls(line: str) -> None:
    assert lines_beyond_a_flow(f"def f():\n    {line}\n") == []
