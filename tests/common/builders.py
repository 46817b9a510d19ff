"""Small things that several test modules of this folder start from."""

from typing import Any

import yaml

from tasks.common.records import Drop, StageResult
from tasks.common.schema.rows import Frame
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace

KEY = "ab" + "0" * 38


def recipe_values() -> dict[str, Any]:
    """Return the smallest recipe that is valid."""
    return {
        "name": "small",
        "detect": {"model": "yolo11n"},
        "matte": {"model": "u2netp"},
        "filter": {"frame_cut": {"max": 0.1}},
        "publish": {"date": "20261122", "note": "small"},
    }


def changed(path: str, value: Any) -> str:
    """Return the smallest recipe as YAML with one key, given by its dotted path, set to `value`."""
    values = recipe_values()
    *parents, last = path.split(".")
    part = values
    for parent in parents:
        part = part.setdefault(parent, {})
    part[last] = value
    return yaml.safe_dump(values)


def drop(item: str) -> Drop:
    """Return a drop of the sample stage."""
    return Drop(item=item, stage="sample", reason="still", sentence=f"{item} does not move.")


def write_frames(out: ArtifactWriter, n_kept: int = 2, n_dropped: int = 1) -> StageResult:
    """Commit a sample artifact with files of known bytes."""
    rows = []
    for number in range(n_kept):
        path, digest = out.put(f"{number}.jpg", f"bytes of frame {number}".encode())
        rows.append(Frame(f"f{number}", "m", 0.5, 64, 48, "flat", path, digest))
    drops = [drop(f"d{number}") for number in range(n_dropped)]
    return out.commit_rows(Frame, rows, drops, n_in=n_kept + n_dropped)


def written(workspace: Workspace) -> StageResult:
    """Write the artifact that most tests damage."""
    return write_frames(ArtifactWriter(workspace, "sample", KEY))
