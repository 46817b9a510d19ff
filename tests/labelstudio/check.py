"""Do masks go to a real Label Studio and come back to the pixel?

    python -m tests.labelstudio.check HOME LABEL_STUDIO

HOME is a MATTEFLOW_HOME with a run; work order and corrections are made in a copy of it beside it.
LABEL_STUDIO is the environment that `make labelstudio-check` makes. Orders are written and received
by the program as users call it; masks are edited through the server's API as its editor stores
them: run lengths by Label Studio's own code.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tasks.annotate.order import Order, load_order
from tasks.common.media.images import Mask, read_grey
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import (
    mask_path,
    media_with_corrections,
    read_corrections,
    read_mask,
)
from tests.labelstudio.server import Server, label_studio

N_SAMPLES = 5
BRUSH = Path(__file__).parent / "brush.py"
Json = dict[str, Any]


class Edit(NamedTuple):
    """What is done to a mask, and what receiving it must say."""

    name: str
    change: Callable[[Mask], Mask] | None  # none: the task is skipped
    result: str


def _stroke_and_hole(mask: Mask) -> Mask:
    """Return the mask with a stroke along its border row and a hole in the person."""
    edited = mask.copy()
    edited[-2:, :] = 1
    ys, xs = np.nonzero(mask)
    y, x = int(np.median(ys)), int(np.median(xs))
    edited[y : y + 5, x : x + 7] = 0
    return edited


def _detached_part(mask: Mask) -> Mask:
    edited = mask.copy()
    edited[:3, :3] = 1
    return edited


EDITS = (
    Edit("untouched", lambda mask: mask, "unchanged"),
    Edit("stroke and hole", _stroke_and_hole, "corrected"),
    Edit("detached part", _detached_part, "corrected"),
    Edit("erased", np.zeros_like, "refused"),
    Edit("skipped", None, "refused"),
)


def main() -> None:
    """Run the check; print a line per task."""
    home, environment = (Path(argument).absolute() for argument in sys.argv[1:])
    scratch = home / "labelstudio"
    shutil.rmtree(scratch, ignore_errors=True)
    # Files of a workspace are replaced, never changed: the copy may share them.
    shutil.copytree(home / "workspace", scratch / "workspace", copy_function=os.link)
    order_folder = scratch / "order"
    _matteflow(scratch, "review", "send", "--format", "labelstudio", "--pick", "all", "--limit",
               str(N_SAMPLES), "--to", str(order_folder))  # fmt: skip
    workspace = Workspace(scratch / "workspace")
    order = load_order(json.loads((order_folder / "manifest.json").read_text())["order"], workspace)
    with label_studio(environment, environment / "data", order_folder) as server:
        project = create_project(server, order_folder)
        tasks = check_tasks(server, project, order, order_folder)
        wanted = edit_tasks(server, tasks, order, workspace, scratch / "brush", environment)
        export = scratch / "export.json"
        export.write_bytes(server.get(f"/api/projects/{project}/export?exportType=JSON").content)
    said = _matteflow(scratch, "review", "receive", str(export), "--annotator", "check",
                      "--channel", "labelstudio", accepted=(0, 1))  # fmt: skip
    print(said)
    compare(order, wanted, said, workspace)
    print(f"Label Studio: {len(wanted)} tasks came back exact to the pixel.")


def create_project(server: Server, folder: Path) -> int:
    """Create a project of a work order as docs/annotate.md says; return its number."""
    config = (folder / "config.xml").read_text()
    project = server.post("/api/projects", {"title": "matteflow", "label_config": config})["id"]
    # The server gives out files of folders that a project names as its storage only.
    storage = {"project": project, "path": str(folder / "images"), "use_blob_urls": True}
    server.post("/api/storages/localfiles", storage)
    server.post(f"/api/projects/{project}/import", json.loads((folder / "tasks.json").read_text()))
    return int(project)


def check_tasks(server: Server, project: int, order: Order, folder: Path) -> dict[str, Json]:
    """Return the tasks by sample; the server gives out each picture as it was sent."""
    listed = server.get(f"/api/tasks?project={project}&fields=all&page_size=100").json()["tasks"]
    tasks = {task["data"]["sample"]: task for task in listed}
    assert tasks.keys() == order.by_sample.keys(), (sorted(tasks), sorted(order.by_sample))
    for sample, task in tasks.items():
        picture = server.get(task["data"]["image"]).content
        assert picture == (folder / "images" / f"{sample}.png").read_bytes(), sample
        assert len(task["predictions"]) == 1, f"{sample}: {len(task['predictions'])} predictions"
    return tasks


def edit_tasks(
    server: Server,
    tasks: dict[str, Json],
    order: Order,
    workspace: Workspace,
    scratch: Path,
    environment: Path,
) -> dict[str, tuple[Edit, Mask]]:
    """Submit an annotation of each task; return by sample what was done to which mask."""
    scratch.mkdir()
    _check_predictions(tasks, order, workspace, scratch / "sent", environment)
    wanted = {}
    for item, edit in zip(order.items, EDITS, strict=True):
        base = read_grey(workspace.path(mask_path(item.media_id, item.mask_digest)))
        wanted[item.sample] = (edit, base if edit.change is None else edit.change(base))
    rles = _encode(
        {name: mask for name, (_, mask) in wanted.items()}, scratch / "edit", environment
    )
    for sample, (edit, _) in wanted.items():
        (region,) = tasks[sample]["predictions"][0]["result"]
        if edit.name != "untouched":
            value = region["value"] | {"rle": rles[sample]}
            region = region | {"value": value, "origin": "prediction-changed"}
        # As its editor submits: a changed prediction keeps the id of its region; a skipped task is
        # an annotation that was cancelled.
        annotation = {
            "result": [region],
            "lead_time": 30.0,
            "was_cancelled": edit.change is None,
            "parent_prediction": tasks[sample]["predictions"][0]["id"],
        }
        server.post(f"/api/tasks/{tasks[sample]['id']}/annotations", annotation)
    return wanted


def _check_predictions(
    tasks: dict[str, Json], order: Order, workspace: Workspace, scratch: Path, environment: Path
) -> None:
    """Compare what Label Studio reads out of each pre-annotation with the mask that was sent."""
    scratch.mkdir()
    for item in order.items:
        (region,) = tasks[item.sample]["predictions"][0]["result"]
        width, height = item.size_wh
        content = {"rle": region["value"]["rle"], "width": width, "height": height}
        (scratch / f"{item.sample}.json").write_text(json.dumps(content))
    _brush(environment, "decode", scratch)
    for item in order.items:
        base = read_grey(workspace.path(mask_path(item.media_id, item.mask_digest)))
        alpha = np.load(scratch / f"{item.sample}.npy")
        assert np.array_equal(alpha, base * np.uint8(255)), f"{item.sample}: another pre-annotation"


def _encode(masks: dict[str, Mask], scratch: Path, environment: Path) -> dict[str, list[int]]:
    scratch.mkdir()
    for name, mask in masks.items():
        np.save(scratch / f"{name}.npy", mask * np.uint8(255))
    _brush(environment, "encode", scratch)
    return {name: json.loads((scratch / f"{name}.json").read_text())["rle"] for name in masks}


def compare(
    order: Order, wanted: dict[str, tuple[Edit, Mask]], said: str, workspace: Workspace
) -> None:
    """Require of each task the result that its edit must have, and of each mask every pixel."""
    stored = {
        correction.sample: correction
        for media_id in media_with_corrections(workspace)
        for correction in read_corrections(workspace, media_id)
        if correction.order == order.order
    }
    for sample, (edit, mask) in wanted.items():
        (line,) = [line for line in said.splitlines() if sample in line]
        assert line.startswith(edit.result), f"{edit.name}: {line}"
        assert (sample in stored) == (edit.result == "corrected"), f"{edit.name}: stored or not"
        if sample in stored:
            correction = stored[sample]
            came = read_mask(workspace, correction.media_id, correction.mask_digest)
            assert np.array_equal(came, mask), f"{edit.name}: {np.count_nonzero(came != mask)} px"
            assert (correction.channel, correction.minutes) == ("labelstudio", 0.5)
        print(f"  {edit.name:16} {edit.result:10} {np.count_nonzero(mask)} px of the person")


def _matteflow(home: Path, *arguments: str, accepted: tuple[int, ...] = (0,)) -> str:
    program = Path(sys.executable).with_name("matteflow")
    environment = os.environ | {"MATTEFLOW_HOME": str(home)}
    done = subprocess.run(
        [str(program), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in accepted, done.stdout + done.stderr
    return done.stdout


def _brush(environment: Path, action: str, folder: Path) -> None:
    python = environment / "bin" / "python"
    subprocess.run([str(python), str(BRUSH), action, str(folder)], check=True)


if __name__ == "__main__":
    main()
