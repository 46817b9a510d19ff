"""A publisher in a process of its own, which SIGKILL ends where and when a test says."""

import multiprocessing
import os
import pickle
import random
import resource
import select
import signal
import traceback
from datetime import datetime
from multiprocessing.connection import Connection
from types import TracebackType
from typing import NamedTuple

from tasks.common.records import Publication, StageResult
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.commit import commit_tree
from tests.dataset.trees import NAME, NOW
from tests.publish.crash_points import END, Fuse, Point, watch

# What a publication imports only when it gets there, so that a fork is ready at once.
_PRELOADED = ("pyarrow.parquet", "pyarrow.dataset", "pandas.core.arrays.arrow.extension_types")
KILLED = -signal.SIGKILL
CUT = -signal.SIGXFSZ


class Order(NamedTuple):
    """How a run shall end, at the latest; without anything it runs undisturbed.

    At `freeze_at` it is stopped, and goes on when told to.

    `max_file_bytes` has the kernel end it in the middle of the first write of more than that.
    """

    kill_at: int | None = None
    kill_after_s: float | None = None
    max_file_bytes: int | None = None
    freeze_at: int | None = None


UNDISTURBED = Order()
_LONGEST_S = 0.2
_FROZEN = "frozen"


def any_end(chance: random.Random) -> Order:
    """Return an end by the clock, which hits what is under way, or at a point, which hits edges."""
    if chance.random() < 0.5:
        return Order(kill_after_s=chance.uniform(0, _LONGEST_S))
    return Order(kill_at=chance.randrange(100))


class Run(NamedTuple):
    """What became of a run; only one that ended by itself has more than an exit code."""

    exit_code: int
    publication: Publication | None = None
    points: tuple[Point, ...] = ()


class Publisher:
    """Publishes one tree as often as it is told to, each time in a new process.

    The processes are forked from a warm one that has neither threads nor connections.
    """

    def __init__(
        self,
        tree: StageResult,
        workspace: Workspace,
        address: str,
        *,
        now: datetime = NOW,
        n_connections: int = 1,
    ):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, *_PRELOADED])
        self.pipe, other = context.Pipe()
        environment = dict(os.environ) | {"MATTEFLOW_STORE_CONNECTIONS": str(n_connections)}
        self._process = context.Process(
            target=_serve, args=(other, environment, tree, workspace, address, now), daemon=True
        )
        self._process.start()
        other.close()

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.pipe.close()
        self._process.join()

    def run(self, order: Order = UNDISTURBED) -> Run:
        """Publish, or die at it."""
        self.start(order)
        return self.wait()

    def start(self, order: Order = UNDISTURBED) -> None:
        """Begin a run; `pipe` is ready to be read as soon as it is over."""
        self.pipe.send(order)

    def kill(self) -> None:
        """End the run that is under way, which must not be able to end by itself meanwhile."""
        self.pipe.send(None)

    def freeze(self, at: int) -> None:
        """Begin a run and return when it is frozen at a point, which it must come to."""
        self.start(Order(freeze_at=at))
        assert self.pipe.recv() == _FROZEN

    def thaw(self) -> Run:
        """Let a frozen run go on; return what became of it."""
        self.pipe.send(None)
        return self.wait()

    def wait(self) -> Run:
        """Return what became of the run that was begun."""
        exit_code, said = self.pipe.recv()
        if exit_code > 0:
            raise AssertionError(f"The publisher failed: {pickle.loads(said)}")
        return Run(exit_code, *pickle.loads(said)) if exit_code == 0 else Run(exit_code)


def _serve(
    pipe: Connection,
    environment: dict[str, str],
    tree: StageResult,
    workspace: Workspace,
    address: str,
    now: datetime,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    settings.cache_clear()
    store = open_store(address)
    while True:
        try:
            order = pipe.recv()
        except EOFError:  # the test is over
            return
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            _publish_and_exit(order, writer, tree, workspace, store, now)
        os.close(writer)
        try:
            pipe.send(_end_of(pid, reader, order, pipe))
        except (EOFError, OSError):  # the test failed, and nobody waits for this run
            os.kill(pid, signal.SIGKILL)
            return


def _end_of(pid: int, reader: int, order: Order, pipe: Connection) -> tuple[int, bytes]:
    """Wait for a run, and kill it when its time is over or when told to."""
    if order.freeze_at is not None:
        os.waitpid(pid, os.WUNTRACED)
        pipe.send(_FROZEN)
        pipe.recv()
        os.kill(pid, signal.SIGCONT)
    streams: list[int | Connection] = [reader, pipe]
    ready, _, _ = select.select(streams, [], [], order.kill_after_s)
    if reader not in ready:
        if ready:
            pipe.recv()
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


def _publish_and_exit(
    order: Order,
    writer: int,
    tree: StageResult,
    workspace: Workspace,
    store: ObjectStore,
    now: datetime,
) -> None:
    with os.fdopen(writer, "wb") as stream:
        try:
            fuse = Fuse(order.kill_at, order.freeze_at)
            watch(store, fuse)
            if order.max_file_bytes is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                resource.setrlimit(resource.RLIMIT_FSIZE, (order.max_file_bytes,) * 2)
            done = commit_tree(tree, NAME, workspace, store, recipe_digest="r", now=now)
            fuse.burn(*END)
            pickle.dump((done, tuple(fuse.points)), stream)
            exit_code = 0
        except BaseException:
            pickle.dump(traceback.format_exc(), stream)
            exit_code = 1
    os._exit(exit_code)
