"""A real Prefect server and real process workers, as a team has them, on free loopback ports."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from typing import Any, NamedTuple, TypeVar

import httpx
from filelock import FileLock

from tests.conftest import CACHE
from tests.http_client import http_client

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
_READY_S = 120.0
_REQUEST_S = 150.0  # a server waits 60 s for its locked database, then says 503
_RUN_S = 240.0
_TRIES = 5
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Run(NamedTuple):
    """A flow run as the server tells of it."""

    flow_run_id: str
    name: str
    state: str
    state_type: str
    message: str
    run_count: int


class Process:
    """A program in a process group of its own, whose output goes to a file."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path):
        self._stream = log.open("ab")
        self.process = subprocess.Popen(
            arguments, env=dict(environment), cwd=ROOT,
            stdout=self._stream, stderr=self._stream, start_new_session=True,
        )  # fmt: skip

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the program, not what it started, until the block ends."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def kill(self, *, group: bool = True) -> None:
        """SIGKILL it, with all that it started or alone."""
        with suppress(ProcessLookupError):
            if group:
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()
        self._stream.close()


class Cluster:
    """One server; workers come and go."""

    def __init__(self, folder: Path, environment: Mapping[str, str]):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        self.environment = own | {
            "PREFECT_HOME": str(prefect_home(folder / "prefect")),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_UI_ENABLED": "false",  # unused; each start copies its files
            # For the UI as well, four seconds of CPU a start; saving a block registers its type.
            "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
            **environment,
        }
        self.environment.pop("PREFECT_LOCAL_STORAGE_PATH", None)
        self.api = http_client(self.environment["PREFECT_API_URL"], timeout_s=_REQUEST_S)
        self._server: Process | None = None
        self.workers: list[Process] = []

    def start_server(self) -> None:
        arguments = ["server", "start", "--port", str(self.port)]
        self._server = self._prefect(arguments, "server", {})
        wait_for(self._is_up, _READY_S, "the server to answer")

    def kill_server(self) -> None:
        assert self._server is not None
        self._server.kill()

    def _is_up(self) -> bool:
        with suppress(httpx.HTTPError):
            return self.api.get("/health").is_success
        return False

    def set_up(self) -> str:
        """Run the project's own set-up of a server; return what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "deployments.setup"],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_worker(self, **environment: str) -> Process:
        number = len(self.workers)
        arguments = ["worker", "start", "--pool", "local", "--type", "process"]
        worker = self._prefect(
            [*arguments, "--name", f"worker-{number}"], f"worker-{number}", environment
        )
        self.workers.append(worker)
        return worker

    def _prefect(self, arguments: list[str], log: str, environment: Mapping[str, str]) -> Process:
        command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
        return Process(command, {**self.environment, **environment}, self.folder / f"{log}.log")

    def post(self, path: str, body: Any) -> httpx.Response:
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request; repeat it while the server is busy, as Prefect's own client does.

        A busy SQLite answers 503 before anything was done. A question that was not answered in
        time is asked again as well; what changes something is not, since it may have been done.
        """
        is_question = method == "GET" or path.endswith("/filter")
        for n_left in reversed(range(_TRIES)):
            try:
                response = self.api.request(method, path, json=body)
            except httpx.TransportError:
                if not (is_question and n_left):
                    raise
            else:
                if not (response.is_server_error and n_left):
                    return response
            time.sleep(1)
        raise AssertionError("unreachable")

    def ask(self, path: str, **body: Any) -> Any:
        response = self.post(path, body)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        response = self._send("GET", f"/deployments/name/{name}")
        assert response.is_success, response.text
        return dict(response.json())

    def change_deployment(self, name: str, **values: Any) -> None:
        response = self._send("PATCH", f"/deployments/{self.deployment(name)['id']}", values)
        assert response.is_success, response.text

    @contextmanager
    def without_automations(self) -> Iterator[None]:
        """Let the server's automations rest for a while."""
        self._enable_automations(False)
        try:
            yield
        finally:
            self._enable_automations(True)

    def _enable_automations(self, enabled: bool) -> None:
        for automation in self.ask("/automations/filter"):
            path = f"/automations/{automation['id']}"
            response = self._send("PATCH", path, {"enabled": enabled})
            assert response.is_success, response.text

    def delete_schedule(self, deployment_id: str, schedule_id: str) -> None:
        response = self._send("DELETE", f"/deployments/{deployment_id}/schedules/{schedule_id}")
        assert response.is_success, response.text

    def request(self, name: str, /, **parameters: Any) -> httpx.Response:
        """Ask for a flow run as the UI does."""
        return self._request(name, {"parameters": parameters})

    def _request(self, name: str, body: dict[str, Any]) -> httpx.Response:
        return self.post(f"/deployments/{self.deployment(name)['id']}/create_flow_run", body)

    def start(self, name: str, /, **parameters: Any) -> str:
        return self.start_in({}, name, **parameters)

    def start_in(self, environment: Mapping[str, str], name: str, /, **parameters: Any) -> str:
        """Start a flow run whose process gets more environment variables than others."""
        variables = {"env": dict(environment)}
        answer = self._request(name, {"parameters": parameters, "job_variables": variables})
        assert answer.is_success, answer.text
        return str(answer.json()["id"])

    def retry(self, flow_run: str) -> None:
        """Do what the button Retry does."""
        answer = self.post(
            f"/flow_runs/{flow_run}/set_state",
            {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": False},
        )
        assert answer.json()["status"] == "ACCEPT", answer.text

    def run(self, flow_run: str) -> Run:
        return _run(self._send("GET", f"/flow_runs/{flow_run}").json())

    def runs_of(self, flow: str) -> list[Run]:
        told = self.ask(
            "/flow_runs/filter", flows={"name": {"any_": [flow]}}, sort="START_TIME_ASC"
        )
        return [_run(row) for row in told]

    def wait(self, flow_run: str) -> Run:
        """Wait until a run has ended; return how."""

        def ended() -> Run | None:
            told = self.run(flow_run)
            return told if told.state_type in FINAL else None

        return wait_for(ended, _RUN_S, f"the run {flow_run} to end")

    def tasks(self, flow_run: str) -> dict[str, tuple[str, int]]:
        """Return, by task run name, state and number of attempts; of a retried run the last."""
        rows = self.ask(
            "/task_runs/filter",
            flow_runs={"id": {"any_": [flow_run]}},
            sort="EXPECTED_START_TIME_ASC",
            limit=200,
        )
        return {row["name"]: (row["state_name"], row["run_count"]) for row in rows}

    def artifact(self, flow_run: str, key: str) -> str:
        """Return the newest artifact of a run under a key, as text."""
        rows = self.ask(
            "/artifacts/filter",
            artifacts={"flow_run_id": {"any_": [flow_run]}, "key": {"any_": [key]}},
            sort="CREATED_DESC",
        )
        assert rows, f"no artifact {key}"
        return str(rows[0]["data"])

    def stop(self) -> None:
        for worker in self.workers:
            worker.kill()
        if self._server is not None:
            self._server.kill()
        self.api.close()


def _run(row: dict[str, Any]) -> Run:
    state = row["state"] or {}
    return Run(
        row["id"], row["name"], row["state_name"] or "", row["state_type"] or "",
        state.get("message") or "", row["run_count"],
    )  # fmt: skip


def wait_for(look: Callable[[], T | None], limit_s: float, what: str) -> T:
    """Return what `look` finds as soon as it finds anything."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError(f"waited {limit_s:.0f} s in vain for {what}")


def prefect_home(folder: Path) -> Path:
    """Make a home of Prefect with the database as a first server leaves it.

    Its hundred migrations take ten seconds of CPU, so they are done once for each release.
    """
    migrated = CACHE / f"prefect-{version('prefect')}.db"
    migrated.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{migrated}.lock"):
        if not migrated.exists():
            with tempfile.TemporaryDirectory() as home:
                _migrate(Path(home))
                copyfile(Path(home, "prefect.db"), f"{migrated}.new")
            Path(f"{migrated}.new").replace(migrated)
    folder.mkdir(parents=True)
    copyfile(migrated, folder / "prefect.db")
    return folder


def _migrate(home: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    subprocess.run(
        [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"],
        env=own | {"PREFECT_HOME": str(home)}, capture_output=True, check=True,
    )  # fmt: skip


@contextmanager
def cluster(folder: Path, environment: Mapping[str, str]) -> Iterator[Cluster]:
    """Run a server, set up as the project does it, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Cluster(folder, environment)
    try:
        made.start_server()
        made.set_up()
        yield made
    finally:
        made.stop()
