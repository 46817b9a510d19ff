"""Work on untrusted data in a process of its own: what it may do, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import SourceError
from tasks.common.media import sandbox
from tasks.common.media.jail import Reach
from tasks.common.media.sandbox import Limits, SandboxError, run_isolated, stream_isolated
from tests.common.media import sandboxed

pytestmark = pytest.mark.service  # child processes

MEGABYTE = 1 << 20
LIMITS = Limits(wall_s=60.0, cpu_s=30.0, memory_bytes=256 * MEGABYTE)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


@pytest.mark.parametrize("value", [0, "ü\n", [1, 2.5], "x" * 100_000], ids=lambda v: repr(v)[:12])
def test_what_a_function_returns_comes_back(value: Any) -> None:
    assert run_isolated(sandboxed.double, value, LIMITS) == value * 2


def test_a_generator_is_read_item_by_item_and_may_be_empty() -> None:
    assert list(stream_isolated(sandboxed.count, 0, LIMITS)) == []
    assert list(stream_isolated(sandboxed.count, 3, LIMITS)) == [0, 1, 2]


def test_the_child_is_another_process_and_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    told = run_isolated(sandboxed.surroundings, None, LIMITS)
    assert told["pid"] != os.getpid()
    assert "AWS_SECRET_ACCESS_KEY" not in told["environment"]


def test_an_error_of_our_own_crosses_with_class_and_text() -> None:
    with pytest.raises(SourceError, match="no picture"):
        run_isolated(sandboxed.refuse, "no picture", LIMITS)


def test_another_error_crosses_with_its_traceback() -> None:
    with pytest.raises(RuntimeError) as e:
        run_isolated(sandboxed.stumble, None, LIMITS)
    # The text is shown to people, the note is for `--verbose`.
    assert str(e.value) == "KeyError: 'no such key'"
    assert "in stumble" in "".join(e.value.__notes__)
    assert not isinstance(e.value, SandboxError)


@pytest.mark.parametrize(
    ("function", "argument", "limits", "cause", "sentence"),
    [
        pytest.param(sandboxed.crash, None, LIMITS, "crash", "killed by SIGSEGV", id="crash"),
        pytest.param(sandboxed.leave, 3, LIMITS, "crash", "exited with code 3", id="exit"),
        pytest.param(
            sandboxed.hang,
            None,
            LIMITS._replace(wall_s=0.3),
            "time",
            "had not finished after 0 s",
            id="hang",
        ),
        pytest.param(
            sandboxed.spin,
            None,
            LIMITS._replace(cpu_s=0.1),
            "time",
            "more than 0 s of CPU",
            id="CPU",
        ),
        pytest.param(
            sandboxed.hoard, 300 * MEGABYTE, LIMITS, "memory", "more than 256 MB", id="memory"
        ),
    ],
)
def test_a_child_that_does_not_return_is_told_by_its_cause(
    function: Any, argument: Any, limits: Limits, cause: str, sentence: str
) -> None:
    with pytest.raises(SandboxError, match=sentence) as caught:
        run_isolated(function, argument, limits)
    assert caught.value.cause == cause
    assert run_isolated(sandboxed.double, 1, LIMITS) == 2  # and the next one works


def test_a_child_may_be_given_all_the_time_there_is() -> None:
    assert run_isolated(sandboxed.double, 1, LIMITS._replace(wall_s=1e9)) == 2


def test_memory_below_the_limit_is_there() -> None:
    assert run_isolated(sandboxed.hoard, 200 * MEGABYTE, LIMITS) == 200 * MEGABYTE


def test_what_came_before_a_crash_is_not_lost() -> None:
    messages = stream_isolated(sandboxed.count_and_crash, 3, LIMITS)
    assert [next(messages) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SandboxError, match="SIGSEGV"):
        next(messages)


def test_a_child_that_is_killed_in_the_middle_of_a_message_ran_out_of_time() -> None:
    messages = stream_isolated(sandboxed.half_a_word, None, LIMITS._replace(wall_s=0.5))
    assert next(messages) == "whole"
    time.sleep(0.7)
    with pytest.raises(SandboxError, match="had not finished"):
        list(messages)


def test_a_reader_that_stops_early_ends_the_child(tmp_path: Path) -> None:
    reach = Reach((), str(tmp_path), file_bytes=99)
    messages = stream_isolated(sandboxed.count_for_ever, str(tmp_path / "pid"), LIMITS, reach)
    assert [next(messages) for _ in range(3)] == [0, 1, 2]
    pid = int((tmp_path / "pid").read_text())
    messages.close()
    wait_until(lambda: not is_alive(pid))


def test_a_child_dies_with_the_process_that_asked(tmp_path: Path) -> None:
    code = (
        "from tasks.common.media.sandbox import *; from tests.common.media import sandboxed;"
        f"run_isolated(sandboxed.hang, {str(tmp_path / 'pid')!r}, Limits(600, 600, 1 << 30),"
        f" Reach((), {str(tmp_path)!r}, 99))"
    )
    asking = subprocess.Popen([sys.executable, "-c", code])
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    pid = int((tmp_path / "pid").read_text())
    assert is_alive(pid)
    asking.send_signal(signal.SIGKILL)
    asking.wait()
    wait_until(lambda: not is_alive(pid))


def test_a_child_dies_with_the_process_that_watches_it(tmp_path: Path) -> None:
    reach = Reach((), str(tmp_path), file_bytes=99)
    messages = stream_isolated(sandboxed.count_for_ever, str(tmp_path / "pid"), LIMITS, reach)
    next(messages)
    pid = int((tmp_path / "pid").read_text())
    watcher = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(watcher, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))
    with pytest.raises(SandboxError, match="without an exit status"):
        list(messages)


def test_children_of_several_threads_work_at_once() -> None:
    limits = LIMITS._replace(wall_s=0.5)

    def hang(_: int) -> str:
        with pytest.raises(SandboxError) as caught:
            run_isolated(sandboxed.hang, None, limits)
        return caught.value.cause

    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(hang, range(8))) == ["time"] * 8
    assert time.monotonic() - start < 8 * limits.wall_s


def test_a_server_that_was_killed_is_started_anew() -> None:
    run_isolated(sandboxed.double, 1, LIMITS)
    process = sandbox._server._process
    assert process is not None
    process.kill()
    process.wait()
    assert run_isolated(sandboxed.double, 2, LIMITS) == 4


def test_a_fork_of_this_process_has_a_server_of_its_own() -> None:
    run_isolated(sandboxed.double, 1, LIMITS)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if run_isolated(sandboxed.double, 3, LIMITS) == 6 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert run_isolated(sandboxed.double, 4, LIMITS) == 8
