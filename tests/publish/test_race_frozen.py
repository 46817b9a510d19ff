"""A publisher frozen around its commit while another one publishes from beginning to end."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.common.records import Publication, StageResult
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import NOW, push
from tests.publish.crash_points import Point
from tests.publish.killing import Publisher
from tests.publish.states import State, look, rewind

pytestmark = pytest.mark.slow

COMMIT, LOCK = "v0001.json", ".lock"
N_BEFORE = 4  # points; the first is where nobody has asked yet which number is free


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


def _meetings(
    frozen: StageResult, other: StageResult, home: Workspace, address: str
) -> Iterator[tuple[Point, bool, Publication, Publication, State]]:
    """Yield, for each point around the commit, what both said and what is left.

    In a folder others wait for who is frozen while it holds the lock, so that it ends there.
    """
    store = open_store(address)
    with Publisher(frozen, home, address) as publisher:
        publisher.run()
        rewind(store, {})  # from now on every run makes the same folders
        points = publisher.run().points
        keys = [Path(point.key).name for point in points]
        first = keys.index(COMMIT) - N_BEFORE
        end = keys.index(LOCK) + 1 if LOCK in keys else len(points)
        for at in range(first, end):
            rewind(store, {})
            publisher.freeze(at)
            is_committed = look(store).trees != ()
            told = push(other, home, store, now=NOW + timedelta(minutes=1))
            thawed = publisher.thaw()
            assert thawed.publication is not None
            yield points[at], is_committed, thawed.publication, told, look(store)


def test_who_is_frozen_around_its_commit_neither_loses_nor_overwrites_a_version(
    workspace: Workspace, one: StageResult, two: StageResult, store_address: str
) -> None:
    seen = list[bool]()
    for point, is_committed, mine, other, state in _meetings(one, two, workspace, store_address):
        order = (mine, other) if is_committed else (other, mine)
        assert state == State(tuple(told.tree_id for told in order), 2, ()), point
        assert [(told.version, told.is_new) for told in order] == [(1, True), (2, True)], point
        seen.append(is_committed)
    assert seen == sorted(seen)
    assert set(seen) == {False, True}


def test_who_is_frozen_while_another_publishes_the_same_tree_makes_no_second_version(
    workspace: Workspace, one: StageResult, store_address: str
) -> None:
    for point, is_committed, mine, other, state in _meetings(one, one, workspace, store_address):
        assert state == State((mine.tree_id,), 1, ()), point
        assert (mine.is_new, other.is_new) == (is_committed, not is_committed), point
