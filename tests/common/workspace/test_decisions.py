"""Decisions are lines that stay: of two people at once, and of a killed process."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import ArtifactError
from tasks.common.schema.decisions import Decision
from tasks.common.store.address import open_prefix
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.decisions import (
    DecisionLog,
    DecisionSet,
    count_decisions,
    read_all_decisions,
    read_decisions,
    remove_decisions,
)
from tests.common.deciding import MEDIA, OTHER_MEDIA, decision


@pytest.fixture(
    params=[
        pytest.param("folder", marks=pytest.mark.unit),
        pytest.param("bucket", marks=pytest.mark.service),
    ]
)
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Workspace]:
    """Open the shared workspace as a machine of that name does."""
    if request.param == "folder":
        return lambda _name: Workspace(tmp_path / "shared")
    address = request.getfixturevalue("s3_address")
    return lambda name: Workspace(tmp_path / name, shared=open_prefix(address))


def many(n: int, author: str = "ann", **facts: Any) -> list[Decision]:
    return [decision("keep", minutes, author, **facts) for minutes in range(n)]


def test_a_workspace_without_decisions_has_none(machines: Callable[[str], Workspace]) -> None:
    workspace = machines("a")
    assert read_decisions(workspace, MEDIA) == ()
    assert read_all_decisions(workspace) == {}
    assert DecisionSet().ids == []


def test_what_is_written_is_read_by_another_machine_oldest_first_and_each_once(
    machines: Callable[[str], Workspace],
) -> None:
    log, lines = DecisionLog(machines("a")), many(3)
    assert log.append(reversed(lines)) == lines[::-1]
    assert log.append(lines) == []
    other = DecisionLog(machines("b"))
    assert other.append([*lines, decision("drop", 9)]) == [decision("drop", 9)]
    assert read_decisions(machines("c"), MEDIA) == (*lines, decision("drop", 9))


def test_two_people_at_once_both_stay_in_the_file(machines: Callable[[str], Workspace]) -> None:
    logs = {name: DecisionLog(machines(name)) for name in ("ann", "bob")}
    with ThreadPoolExecutor(4) as pool:
        work = [(name, line) for name in logs for line in many(15, name)]
        list(pool.map(lambda pair: logs[pair[0]].append([pair[1]]), work))
    expected = sorted((line for _, line in work), key=lambda line: line.order)
    assert read_decisions(machines("c"), MEDIA) == tuple(expected)


def test_many_decisions_are_few_files(machines: Callable[[str], Workspace]) -> None:
    workspace = machines("a")
    log = DecisionLog(workspace)
    log.append(many(70))
    log.append(many(70, "bob"))
    names = workspace.names(f"decisions/{MEDIA}")
    lines = [(workspace.read(name) or b"").count(b"\n") for name in names]
    assert sorted(lines) == [40, 100]
    assert len(read_decisions(workspace, MEDIA)) == count_decisions(workspace, [MEDIA]) == 140


def test_a_takedown_removes_them_and_a_writer_does_not_bring_them_back(
    machines: Callable[[str], Workspace],
) -> None:
    workspace, log = machines("a"), DecisionLog(machines("b"))
    log.append([*many(2), *many(1, media_id=OTHER_MEDIA)])
    assert remove_decisions(workspace, [MEDIA]) == 1
    log.append([decision("drop", 5)])
    assert read_decisions(workspace, MEDIA) == (decision("drop", 5),)
    assert set(read_all_decisions(workspace)) == {MEDIA, OTHER_MEDIA}
    assert set(read_all_decisions(workspace, [OTHER_MEDIA])) == {OTHER_MEDIA}


@pytest.mark.unit
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b'{"media_id": "', id="cut off"),
        pytest.param(b'{"surprise": 1}\n', id="not a decision"),
    ],
)
def test_damage_is_an_error_and_not_a_loss(damage: bytes, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write(f"decisions/{MEDIA}/x.jsonl", damage)
    with pytest.raises(ArtifactError, match="Restore the file from a backup"):
        read_decisions(workspace, MEDIA)
    with pytest.raises(ArtifactError, match="damaged"):
        DecisionLog(workspace).append(many(1))


class _DyingWorkspace(Workspace):
    """Dies at the write of this number: before it, or when the file is already there."""

    def __init__(self, root: Path, last: int, *, is_written: bool):
        super().__init__(root)
        self._writes_left = last
        self._is_written = is_written

    def write(self, relative: str, data: bytes, *args: Any, **options: Any) -> None:
        """Write a file, or die."""
        self._writes_left -= 1
        if self._writes_left >= 0 or self._is_written:
            super().write(relative, data, *args, **options)
        if self._writes_left < 0:
            raise KeyboardInterrupt


@pytest.mark.unit
@pytest.mark.parametrize("is_written", [True, False], ids=["after the write", "before the write"])
@pytest.mark.parametrize("last", range(4))
def test_whoever_dies_between_two_writes_loses_nothing_that_was_acknowledged(
    tmp_path: Path, last: int, is_written: bool
) -> None:
    log = DecisionLog(_DyingWorkspace(tmp_path, last, is_written=is_written))
    calls = [
        many(1),
        [*many(2, "bob"), *many(2, media_id=OTHER_MEDIA)],
        many(1, "eve", media_id=OTHER_MEDIA),
    ]
    acknowledged: list[Decision] = []
    with suppress(KeyboardInterrupt):
        for call in calls:
            acknowledged += log.append(call)
    assert len(acknowledged) < 6
    found = {line.id for own in read_all_decisions(Workspace(tmp_path)).values() for line in own}
    assert {line.id for line in acknowledged} <= found
    # Whoever sends the same again completes it.
    again = DecisionLog(Workspace(tmp_path))
    for call in calls:
        again.append(call)
    complete = read_all_decisions(Workspace(tmp_path))
    assert sum(map(len, complete.values())) == 6


_WRITER = """
import sys
from pathlib import Path
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.decisions import DecisionLog
from tests.common.deciding import decision
log = DecisionLog(Workspace(Path(sys.argv[1])))
for minutes in range(100_000):
    (written,) = log.append([decision("keep", minutes)])
    print(written.id, flush=True)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that writes decisions and prints the id of each that is acknowledged."""
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.service
def test_a_killed_process_loses_no_acknowledged_decision(
    writer: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(130)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    found = [line.id for line in read_decisions(Workspace(tmp_path), MEDIA)]
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) - len(acknowledged) <= 1
