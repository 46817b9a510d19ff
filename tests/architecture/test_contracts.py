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


def test_flows_hold_no_json_and_go_through_no_rows() -> None:
    """Order is all that a flow decides; what it does with data is a room's."""
    guilty = set()
    for path in (ROOT / "flows").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        guilty |= {path.name for node in ast.walk(tree) if imports_json(node)}
    assert guilty == set()


def imports_json(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return any(alias.name == "json" for alias in names)
        case ast.ImportFrom(module=module):
            return module == "json"
    return False


def test_the_check_for_json_notices_an_import() -> None:
    assert any(imports_json(node) for node in ast.walk(ast.parse("def f():\n    import json\n")))
