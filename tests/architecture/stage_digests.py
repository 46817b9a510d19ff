"""Digests of each room's code, without docstrings and comments, beside the version they belong to.

`python -m tests.architecture.stage_digests` records them after a change that is known to alter
nothing that the stage gives out.
"""

import ast
import hashlib
import json
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("stages.json")
ROOMS = (
    "download",
    "sample",
    "detect",
    "pose",
    "matte",
    "annotate",
    "filter",
    "deduplicate",
    "review",
    "dataset",
)
# What shapes bytes on disk for every room, and for some.
SHARED = ("tasks/common/media/images.py", "tasks/common/schema")
_SIMILARITY = ("tasks/common/similarity",)
_YOLO = ("tasks/common/weights/yolo.py",)
ALSO = {
    "filter": _SIMILARITY,
    "download": ("tasks/common/media/run_lengths.py", "tasks/common/media/polygons.py"),
    "matte": ("tasks/common/media/person_part.py",),
    "annotate": ("tasks/common/media/person_part.py", "tasks/common/media/three_way.py"),
    "detect": _YOLO,
    "pose": _YOLO,
    "deduplicate": _SIMILARITY,
    "review": ("tasks/common/html",),
    # The report and the review list are published, as verdicts across all sources made them.
    "dataset": (
        *_SIMILARITY,
        "tasks/deduplicate",
        "tasks/review",
        "tasks/common/html",
        "tasks/common/recipe/scenes.py",
    ),
}
# Prefect tasks and pages that are not published: these shape no artifact.
OUTSIDE = {
    "task.py",
    "rejudge.py",
    "rejudge_run.py",
    "verdict_diff.py",
    "crop_page.py",
    "overlap_page.py",
} | {
    "scene_proposals.py",
    "clip.py",
    "desk_picture.py",
}
OUTSIDE_TEMPLATES = {
    "verdict_diff.html.j2",
    "crop_page.html.j2",
    "picture_pairs.html.j2",
    "overlay.svg.j2",
}


def present() -> dict[str, dict[str, object]]:
    return {room: {"version": version_of(room), "digest": digest_of(room)} for room in ROOMS}


def version_of(room: str) -> int:
    return int(import_module(f"tasks.{room}").VERSION)


def digest_of(room: str) -> str:
    digest = hashlib.sha256()
    for path in _files_of(f"tasks/{room}", *SHARED, *ALSO.get(room, ())):
        is_code = path.suffix == ".py"
        text = path.read_text(encoding="utf-8")
        digest.update((behaviour(text) if is_code else text).encode())
    return digest.hexdigest()[:16]


def _files_of(*places: str) -> list[Path]:
    """Return the modules and templates in these folders and files that shape artifacts."""
    files = []
    for place in places:
        path = ROOT / place
        inside = [path] if path.is_file() else sorted(path.rglob("*.py"))
        files += [file for file in inside if file.name not in OUTSIDE]
        templates = sorted((path / "templates").glob("*"))
        files += [file for file in templates if file.name not in OUTSIDE_TEMPLATES]
    return files


@cache  # most rooms share a dozen modules
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
