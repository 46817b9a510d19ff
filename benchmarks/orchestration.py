"""What Prefect costs: its share of a cold ingest's CPU, and where the time of a cached one goes.

    python -m benchmarks.orchestration FOLDER --recipe demo

The cold ingest runs twice in fresh processes: as `matteflow ingest` does it, embedded server
included, and as plain functions in the same order without Prefect. The cached one is taken apart by
the clock.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

_CACHED = """
import json, time
start = time.perf_counter()
marks = {{}}
def mark(name):
    global start
    now = time.perf_counter()
    marks[name] = round(now - start, 2)
    start = now
from flows.engine.prefect_env import quieten_console
quieten_console()
from flows.ingest import ingest, prepare
mark("import Prefect and the flows")
from tasks.common.settings import settings
prepare({sources!r}, {recipe!r}, settings().store)
mark("read list and recipe, try workspace and store")
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    client.hello()
mark("start the embedded server")
state = ingest(sources={sources!r}, recipe={recipe!r}, return_state=True)
mark("the flow: tasks from the cache, publication, report, pages")
print(json.dumps({{"state": state.name, "wall_s": marks}}))
"""


def main() -> None:
    """Print two JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources")
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.plain:
        plain(asked.sources, asked.recipe)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "flows", "ingest", asked.sources, "--recipe", asked.recipe]
        with_prefect, _ = spent(command, folder, "flow")
        own = ["-m", "benchmarks.orchestration", asked.sources, "--recipe", asked.recipe, "--plain"]
        without, _ = spent(own, folder, "plain")
        share = round(1 - without / with_prefect, 3)
        print(json.dumps({"cold_cpu_s": with_prefect, "plain_cpu_s": without, "share": share}))
        program = _CACHED.format(sources=asked.sources, recipe=asked.recipe)
        cpu_s, said = spent(["-c", program], folder, "flow")
        print(json.dumps(json.loads(said.splitlines()[-1]) | {"cpu_s": cpu_s}))


def spent(arguments: list[str], folder: str, name: str) -> tuple[float, str]:
    """Run Python with a home of its own; return CPU seconds with all children, and what it said."""
    environment = os.environ | {
        "MATTEFLOW_HOME": str(Path(folder) / name),
        "PREFECT_HOME": str(Path(folder) / "prefect"),
        "MATTEFLOW_MODELS": _models(),
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, check=True, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return round(used, 1), done.stdout


def _models() -> str:
    from tasks.common.settings import settings

    return str(settings().models)


def plain(sources: str, recipe_name: str) -> None:
    """Do what the ingest flow does, publication and report included, without Prefect."""
    from benchmarks.stages import Clock, run_source
    from tasks.common.recipe.models import load_recipe
    from tasks.common.records import SourceOutcome
    from tasks.common.settings import settings
    from tasks.common.workspace.artifacts import Workspace
    from tasks.dataset.task import publish
    from tasks.deduplicate.task import deduplicate
    from tasks.download.sources.read import read_sources
    from tasks.review.task import report, review

    recipe, workspace = load_recipe(recipe_name), Workspace.of(settings())
    outcomes = tuple(
        SourceOutcome(source=source, stages=run_source(source, recipe, workspace, Clock()))
        for source in read_sources(sources)
    )
    publish.fn(outcomes, recipe, settings().store, datetime.now(UTC))
    name, bounds = recipe.publish.name, recipe.filter
    crops = deduplicate.fn(outcomes, bounds)
    reviewed = review.fn(outcomes, crops, bounds, name)
    report.fn(outcomes, crops, reviewed, bounds, name, "", "runs/plain")


if __name__ == "__main__":
    main()
