"""The curator's desk over very many crops: how long pages take, how much memory, how many keys.

    python -m benchmarks.desk --crops 100000

CPU seconds of this process: opening the run, the first page, views that filter, sort and group, one
step of a slider, one decision. Then a scripted verification: how many key presses it takes to say
of 1,000 masks, in clusters as videos give them, that they are good.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from starlette.testclient import TestClient

from flows.desk.app import make_app
from flows.desk.security import Access
from flows.desk.site import Site
from flows.desk.state import Desk
from flows.desk.thumbnails import Thumbnails
from flows.engine.run_record import RunRecord, save_run
from tasks.common.recipe.models import load_recipe
from tasks.common.records import Source, SourceOutcome, StageResult
from tasks.common.schema.boxes import Box
from tasks.common.schema.columns import to_table
from tasks.common.schema.rows import Crop, JudgedCrop, Matte, Pose, RunCrop
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.deduplicate.stage import deduplicate_key

_PORT = 8760
_PER_SOURCE = 200
_PER_CLUSTER = 8  # sampled frames of one person who hardly moves
_REPEATS = 5


def made_table(n: int, rng: np.random.Generator) -> pa.Table:
    """Return the table of a run of `n` crops with likely values in every column."""
    return pa.concat_tables(
        [
            to_table(RunCrop, [_crop(number, rng) for number in range(first, min(first + 5000, n))])
            for first in range(0, n, 5000)
        ]
    )


def _crop(number: int, rng: np.random.Generator) -> RunCrop:
    source, cluster = number // _PER_SOURCE, number // _PER_CLUSTER
    media_id = f"{source:064x}"
    name = f"{media_id[-12:]}-{number:08d}-00"
    digest = f"{number:064x}"
    verdict = str(rng.choice(["keep", "review", "drop"], p=[0.4, 0.1, 0.5]))
    # The same person hardly moves: hashes of a cluster differ in a bit or two.
    near = np.random.default_rng(cluster).integers(0, 1 << 63, dtype=np.uint64)
    hashed = int(near) ^ (1 << int(rng.integers(64)))
    measures: dict[str, float | None] = dict(
        zip(MEASURED_RULES, rng.random(len(MEASURED_RULES)).round(6).tolist(), strict=True)
    )
    measures["near_duplicate"] = float(rng.integers(0, 65))
    is_drop = verdict == "drop"
    return RunCrop(
        source_id=f"clip-{source:05d}",
        crop=Crop(
            name, f"{media_id[-12:]}-{number:08d}", media_id, number % _PER_SOURCE * 0.5,
            (1920, 1080), "flat", Box(800.5, 300.25, 1000.5, 900.75), Box(760, 260, 1040, 940),
            0.9, (), f"detect/00/{digest[:40]}/{name}.png", digest,
        ),
        pose=Pose(
            name, tuple((float(x), float(y)) for x, y in rng.random((17, 2)).round(2) * 600),
            tuple(rng.random(17).round(3).tolist()), None, None, "blazepose-full", "0" * 64,
        ),
        matte=Matte(
            name, f"matte/00/{digest[:40]}/a.png", digest, f"matte/00/{digest[:40]}/m.png", digest,
            Box(30, 30, 250, 650), 0.0, 1.0, None, None, "u2netp", "0" * 64, None,
        ),
        verdict=JudgedCrop(
            name, verdict, "sharpness" if verdict != "keep" else None,  # type: ignore[arg-type]
            0.1 if is_drop else None, 0.4 if is_drop else None,
            "Its sharpness 0.1 is below 0.4." if is_drop else None,
            ("sharpness",) if verdict != "keep" else (), None, measures,
            f"{hashed:016x}", f"{hashed ^ 0xFFFF:016x}",
        ),
    )  # fmt: skip


_DETECTED = StageResult(
    stage="detect", key="0" * 40, digest="0" * 40, n_in=1, n_kept=1, n_dropped=0, n_out=1
)


def made_run(workspace: Workspace, n: int) -> RunRecord:
    """Write a run of `n` crops without any picture."""
    recipe = load_recipe("demo")
    outcomes = tuple(
        SourceOutcome(
            source=Source(source_id=f"clip-{number:05d}", uri=f"/clips/{number}.mp4",
                          scenes=("street", "sports")[: 1 + number % 2]),
            stages=(_DETECTED,),
        )
        for number in range(-(-n // _PER_SOURCE))
    )  # fmt: skip
    key = deduplicate_key(outcomes, recipe.filter)
    table = made_table(n, np.random.default_rng(0))
    ArtifactWriter(workspace, "deduplicate", key).commit(table, [], n_in=n)
    record = RunRecord(
        run_id="run-1", started_at=datetime(2026, 11, 29, tzinfo=UTC),
        sources="list.csv", recipe=recipe, outcomes=outcomes,
    )  # fmt: skip
    save_run(record, workspace)
    return record


def cpu(work: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Return the least CPU time of some calls in seconds, and the last result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        started = time.process_time()
        result = work()
        best = min(best, time.process_time() - started)
    return best, result


def peak_mb() -> float:
    """Return the most memory that this process had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(folder: Path) -> dict[str, float]:
    """Measure a desk over the run in a workspace."""
    figures = {"memory before, MB": peak_mb()}
    workspace = Workspace(folder / "workspace")
    figures["open the run, CPU-s"], desk = cpu(
        lambda: Desk([], workspace, (folder / "store").as_uri())
    )
    site = Site(desk, Access(_PORT), Thumbnails(folder / "thumbnails"), "ann")
    client = TestClient(make_app(site, site.access), base_url=f"http://127.0.0.1:{_PORT}")
    client.get("/", params={"token": site.access.token})
    figures["first page, CPU-s"], _ = cpu(lambda: client.get("/").raise_for_status())
    for label, query in (
        ("filter by rule and sort", "rule=sharpness&sort=trust"),
        ("filter by scene and text", "scene=street&find=0001"),
        ("group by similar pictures, first time", "group=similar"),
        ("group by track, first time", "group=track"),
    ):
        seconds, _ = cpu(lambda q=query: client.get(f"/api/view?{q}").raise_for_status())  # type: ignore[misc]
        figures[f"{label}, CPU-s"] = seconds
    figures["a page of 120 tiles, CPU-s"], _ = cpu(
        lambda: client.get("/api/tiles?from=50000&n=120").raise_for_status(), _REPEATS
    )
    figures["bounds, first time (near pairs), CPU-s"], _ = cpu(
        lambda: client.get("/bounds").raise_for_status()
    )
    steps = iter(range(1000))
    figures["one step of a slider, CPU-s"], _ = cpu(
        lambda: client.get(f"/api/judge?c=trust.min:0.{300 + next(steps)}").raise_for_status(),
        _REPEATS,
    )
    headers = {"x-desk-csrf": site.access.csrf}
    ids = iter(desk.index.crop_ids[::37])
    figures["one decision, CPU-s"], _ = cpu(
        lambda: client.post(
            "/api/decide", json={"action": "good", "crops": [next(ids)]}, headers=headers
        ).raise_for_status(),
        _REPEATS,
    )
    figures["most memory, MB"] = peak_mb()
    return figures


def verify_masks(folder: Path, n: int) -> dict[str, float]:
    """Say of `n` masks that they are good, cluster by cluster, and count keys.

    One key answers for the cluster and moves on to the next, as the page does.
    """
    workspace = Workspace(folder / "verify")
    made_run(workspace, n)
    desk = Desk([], workspace, (folder / "store").as_uri())
    site = Site(desk, Access(_PORT), Thumbnails(folder / "thumbnails"), "ann")
    client = TestClient(make_app(site, site.access), base_url=f"http://127.0.0.1:{_PORT}")
    client.get("/", params={"token": site.access.token})
    query = "group=similar"
    view = client.get(f"/api/view?{query}").json()
    keys = 0
    for start, end in zip(view["starts"], view["starts"][1:], strict=False):
        shown = client.get(f"/api/tiles?{query}&from={start}&n={min(4, end - start)}").json()
        body = {
            "action": "good", "crops": [tile["id"] for tile in shown["tiles"]], "scope": "similar",
        }  # fmt: skip
        client.post(
            f"/api/decide?{query}", json=body, headers={"x-desk-csrf": site.access.csrf}
        ).raise_for_status()
        keys += 1
    done = client.get("/api/view?opinion=good").json()["total"]
    return {"masks verified": done, "key presses": keys, "clusters": len(view["labels"])}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--crops", type=int, default=100_000)
    parser.add_argument("--masks", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="keep the made run here and use it again")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="matteflow-desk-") as scratch:
        folder = arguments.folder or Path(scratch)
        workspace = Workspace(folder / "workspace")
        if not (folder / "workspace").exists():
            made_run(workspace, arguments.crops)
            # In a process of its own: making the rows takes more memory than the desk.
            print(f"Made. Run again with --folder {folder} for the figures of memory.")
        figures = {**measure(folder), **verify_masks(Path(scratch), arguments.masks)}
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
