"""Digests of each room's code, without docstrings and comments, beside the version they belong to.

`python -m tests.architecture.stage_digests` records them after a change that is known to alter
nothing that the stage gives out.
"""

import ast
import hashlib
import json
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("stages.json")
ROOMS = ("download", "sample", "detect", "pose", "matte", "filter", "publish")
# What shapes bytes on disk for every room, and for some.
SHARED = ("images.py", "tables.py")
_LIKENESS = ("likeness.py", "hash_index.py")
ALSO = {"filter": _LIKENESS, "publish": _LIKENESS, "detect": ("yolo.py",), "pose": ("yolo.py",)}
# Doors and pages: these shape no artifact. (The report does: it is published.)
OUTSIDE = {"task.py", "changes.py", "closeup.py", "retune.py"} | {
    "proposals.py", "relation_page.py", "tagger.py",
}  # fmt: skip
OUTSIDE_TEMPLATES = {"retune.html.j2", "explain.html.j2", "diff.html.j2"}
OUTSIDE_FOLDERS = {"versions", "exports"}  # what becomes of trees once they are built


def present() -> dict[str, dict[str, object]]:
    return {room: {"version": version_of(room), "digest": digest_of(room)} for room in ROOMS}


def version_of(room: str) -> int:
    return int(import_module(f"tasks.{room}").VERSION)


def digest_of(room: str) -> str:
    folder = ROOT / "tasks" / room
    files = [
        path
        for path in sorted(folder.rglob("*.py"))
        if path.name not in OUTSIDE and path.parent.name not in OUTSIDE_FOLDERS
    ]
    files += [ROOT / "tasks" / "common" / name for name in (*SHARED, *ALSO.get(room, ()))]
    digest = hashlib.sha256()
    for path in files:
        digest.update(behaviour(path.read_text(encoding="utf-8")).encode())
    for path in sorted((folder / "templates").glob("*")):
        digest.update(path.read_bytes() if path.name not in OUTSIDE_TEMPLATES else b"")
    return digest.hexdigest()[:16]


def behaviour(code: str) -> str:
    """Return the code's syntax tree as text: without comments, docstrings, layout, VERSION."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _says_nothing(line)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _says_nothing(line: ast.stmt) -> bool:
    if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
        return True
    return isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "VERSION"


if __name__ == "__main__":
    RECORD.write_text(json.dumps(present(), indent=1) + "\n", encoding="utf-8")
