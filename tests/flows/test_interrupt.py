"""Ctrl-C during a real ingest: one sentence, exit code 130, nothing left behind, and it goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from shutil import copyfile

import pytest

from tests.conftest import CACHE
from tests.flows.programs import prefect_home, wait_for
from tests.flows.test_ingest import recipe_file

HALTING = Path(__file__).with_name("halting")


def environment_of(tmp_path: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return own | {
        "PREFECT_HOME": str(prefect_home(tmp_path / "prefect")),
        "MATTEFLOW_HOME": str(tmp_path / "home"),
        "MATTEFLOW_MODELS": str(CACHE / "models"),
        "COLUMNS": "500",
    }


def processes_of(home: Path) -> list[str]:
    """Return the command lines of processes that have this home in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"MATTEFLOW_HOME={home}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_ctrl_c_ends_an_ingest_at_once_and_it_continues(tmp_path: Path, bus_photo: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    copyfile(bus_photo, media / "bus.jpg")
    command = [sys.executable, "-m", "flows", "ingest", str(media)]
    command += ["--recipe", recipe_file(tmp_path), "--publish", "never"]
    environment = environment_of(tmp_path)
    # A task that would work for ever: a stage that stops in its middle, for the test to find it.
    halting = {"HALT_AT": "detect", "HALT_GATE": str(tmp_path), "PYTHONPATH": str(HALTING)}
    running = subprocess.Popen(
        command, env=environment | halting, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(lambda: (tmp_path / "halted").exists(), 400, "the detect stage")
        pressed_s = time.monotonic()
        os.killpg(running.pid, signal.SIGINT)  # to all of the terminal's foreground group
        output, errors = running.communicate(timeout=60)
    finally:
        running.kill()
    assert time.monotonic() - pressed_s < 5.0
    assert running.returncode == 130
    assert output == ""
    sentence = "matteflow: Interrupted. Finished work is kept; run again to continue."
    title, *lines = errors.splitlines()
    assert title.startswith("ingest ")
    assert lines == [sentence]
    wait_for(lambda: processes_of(tmp_path / "home") == [], 10, "the end of all processes")
    # The run is no longer Running: nobody waits for it.
    assert states(environment) == {("flow", "Cancelled"), ("task", "Cancelled"), ("task", "Done")}
    # What was finished is kept: only the rest is computed.
    kept = sorted((tmp_path / "home" / "workspace" / "sample").rglob("artifact.json"))
    before = [path.stat().st_mtime_ns for path in kept]
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert [path.stat().st_mtime_ns for path in kept] == before != []


def states(environment: dict[str, str]) -> set[tuple[str, str]]:
    """Return the states of flow and task runs in Prefect's own database, Completed as Done."""
    import sqlite3

    names = {"Completed": "Done", "Cached": "Done"}
    with sqlite3.connect(Path(environment["PREFECT_HOME"], "prefect.db")) as database:
        flows = database.execute("select state_name from flow_run").fetchall()
        tasks = database.execute("select state_name from task_run").fetchall()
    return {("flow", names.get(name, name)) for (name,) in flows} | {
        ("task", names.get(name, name)) for (name,) in tasks
    }
