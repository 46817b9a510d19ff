"""kill -9 of the flow's process, the worker, both or the server, in the middle of every stage.

    python -m benchmarks.crashes [--stages detect matte] [--victims flow server]

Prints a row for each: how the run was found, after how long, what mended it, and whether the
version is the one that an undisturbed run published, byte for byte: versions are named by bytes.
"""

import argparse
import os
import tempfile
from pathlib import Path

import yaml

from tasks.common.settings import settings
from tests.flows.cluster import cluster
from tests.flows.crashing import PLACES, VICTIMS, kill_in

_RECIPE = {
    "name": "crashes",
    "detect": {"model": "fall-yolov8s", "confidence": 0.5},
    "pose": {"model": "blazepose-full"},
    "matte": {"model": "u2netp"},
    "filter": {"person_height_px": {"min": 80}, "upper_body_visible": {"min": 0.2}},
    "publish": {"date": "20261122", "note": "crashes", "val_share": 0.0},
}


def main() -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", help="a picture of people")
    parser.add_argument("--stages", nargs="*", default=list(PLACES))
    parser.add_argument("--victims", nargs="*", default=list(VICTIMS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = folder / "crashes.yaml"
        recipe.write_text(yaml.safe_dump(_RECIPE))
        given = {"sources": str(Path(asked.photo).resolve()), "recipe": str(recipe)}
        environment = {
            "MATTEFLOW_HOME": str(folder / "home"),
            "MATTEFLOW_MODELS": str(settings().models),
            "MATTEFLOW_STORE": (folder / "store").as_uri(),
            "PATH": os.environ["PATH"],
        }
        with cluster(folder / "cluster", environment) as team:
            team.start_worker()
            print(team.wait(team.start("ingest/ingest-manual", **given)).message)
            print("| killed | in | found as | after s | mended by | ended as | same version |")
            print("|---|---|---|---|---|---|---|")
            for stage in asked.stages:
                for victim in asked.victims:
                    after = kill_in(team, stage, victim, folder / f"{stage}-{victim}", given)
                    same = "yes" if "Unchanged, still" in after.last.message else "NO"
                    print(
                        f"| {victim} | {stage} | {after.first} | {after.found_after_s:.0f} | "
                        f"{after.mended_by} | {after.last.state} | {same} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
