"""Killing with SIGKILL in the middle of a stage, and what is left to do afterwards."""

import os
import signal
import time
from pathlib import Path
from typing import Literal, NamedTuple

from tests.flows.cluster import Cluster, Run, wait_for

Victim = Literal["flow", "worker", "both", "server"]
VICTIMS: tuple[Victim, ...] = ("flow", "worker", "both", "server")
# Where a run can be stopped; `runs` is its own record, after the publication.
BEFORE_MATTING = ("download", "sample", "detect", "pose", "measure", "screen")
PLACES = (*BEFORE_MATTING, "matte", "filter", "dataset", "runs")
HALTING = Path(__file__).with_name("halting")


class Struck(NamedTuple):
    """A run that something was killed under."""

    flow_run: str
    killed_at_s: float


class Aftermath(NamedTuple):
    """How a run went on after a kill."""

    first: str  # the state that it was found in
    found_after_s: float
    mended_by: str  # nothing, Retry, or the next run
    last: Run


def kill_in(
    team: Cluster, stage: str, victim: Victim, gate: Path, asked: dict[str, str]
) -> Aftermath:
    """Start an ingest, kill in the middle of a stage, and do what an operator would do."""
    return mend(team, strike(team, stage, victim, gate, asked))


def strike(team: Cluster, stage: str, victim: Victim, gate: Path, asked: dict[str, str]) -> Struck:
    """Start an ingest on the newest worker and kill in the middle of a stage.

    Whatever an operator's system would start again is started again: the worker, the server. The
    run works in `gate/home`, which may hold artifacts already.
    """
    gate.mkdir(exist_ok=True)
    halting = {
        "HALT_AT": stage,
        "HALT_GATE": str(gate),
        "PYTHONPATH": str(HALTING),
        "MATTEFLOW_HOME": str(gate / "home"),
    }
    flow_run = team.start_in(halting, "ingest/ingest-manual", **asked)
    halted = gate / "halted"
    process = int(
        wait_for(lambda: halted.read_text() if halted.exists() else "", 120, f"the {stage} stage")
    )
    killed_at_s = time.monotonic()
    if victim in ("flow", "both"):
        os.kill(process, signal.SIGKILL)
    if victim in ("worker", "both"):
        team.workers[-1].kill(group=False)
        team.start_worker()
    if victim == "server":
        team.kill_server()
        team.start_server()
    (gate / "go").touch()
    return Struck(flow_run, killed_at_s)


def mend(team: Cluster, struck: Struck) -> Aftermath:
    """Wait until the run is found to have ended, and retry it if it did not end well."""
    first = team.wait(struck.flow_run)
    found_after_s = time.monotonic() - struck.killed_at_s
    mended_by, last = "nothing", first
    if first.state_type in ("CRASHED", "FAILED"):
        team.retry(struck.flow_run)
        wait_for(
            lambda: team.run(struck.flow_run).run_count > first.run_count or None, 120, "the retry"
        )
        mended_by, last = "Retry", team.wait(struck.flow_run)
    return Aftermath(first.state, found_after_s, mended_by, last)
