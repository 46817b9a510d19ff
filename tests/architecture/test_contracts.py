"""The import contracts hold, and would notice if they did not."""

import ast
from pathlib import Path

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


def test_the_import_contracts_hold(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == 0


def test_prefect_is_known_to_one_file_of_the_rooms_only() -> None:
    files = (ROOT / "tasks").rglob("*.py")
    knowing = {str(path.relative_to(ROOT)) for path in files if imports_prefect(path)}
    assert knowing == {"tasks/common/caching.py"}


def test_the_check_for_prefect_notices_an_import(tmp_path) -> None:
    guilty = tmp_path / "stage.py"
    guilty.write_text("def f():\n    from prefect.states import Failed\n")
    assert imports_prefect(guilty)


def test_only_tasks_and_their_tables_are_what_flows_take_from_rooms() -> None:
    """Flows go through a room's door, `task.py`, or that of a chamber in it."""
    taken = set()
    for path in (ROOT / "flows").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tasks."):
                _, room, *rest = str(node.module).split(".")
                if room != "common":
                    taken.add(".".join(rest))
    assert taken == {"task", "versions.task", "exports.task"}
