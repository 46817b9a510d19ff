"""Processes that publish under one name at once, killed at random and restarted until done."""

import random
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise
from multiprocessing.connection import wait
from typing import Any

import pytest

from tasks.common.records import Publication, StageResult
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import NOW, kept_tree
from tests.publish.killing import UNDISTURBED, Publisher, any_end
from tests.publish.states import State, look

pytestmark = pytest.mark.slow

N_KILLS = 3  # at most, to each publisher
SEEDS = pytest.mark.parametrize("seed", range(2))


@pytest.fixture(scope="module")
def trees(workspace: Workspace) -> list[StageResult]:
    return [kept_tree(workspace, *names) for names in ("abc", "abd", "abe")]


def _race(
    trees: Sequence[StageResult],
    workspace: Workspace,
    address: str,
    chance: random.Random | None = None,
) -> tuple[list[Publication], int, State]:
    """Return what each publisher said in the end, how many kills there were, and what is left."""
    n_kills, done = 0, dict[int, Publication]()
    with ExitStack() as stack:
        publishers = [
            stack.enter_context(
                Publisher(tree, workspace, address, now=NOW + timedelta(minutes=n), n_connections=4)
            )
            for n, tree in enumerate(trees)
        ]
        ends = [[any_end(chance) for _ in range(N_KILLS)] if chance else [] for _ in trees]
        # `wait` is typed to return any kind of handle.
        racing: dict[Any, int] = {publisher.pipe: n for n, publisher in enumerate(publishers)}
        for publisher, waiting in zip(publishers, ends, strict=True):
            publisher.start(waiting.pop() if waiting else UNDISTURBED)
        while len(done) < len(trees):
            for n in (racing[pipe] for pipe in wait(racing)):
                run = publishers[n].wait()
                if run.publication:
                    done[n] = run.publication
                else:
                    n_kills += 1
                    publishers[n].start(ends[n].pop() if ends[n] else UNDISTURBED)
    return [done[n] for n in range(len(trees))], n_kills, look(open_store(address))


def _require_in_order(state: State, done: Sequence[Publication]) -> None:
    """Require whole versions, none with the tree of the one before, and that each was told true."""
    assert state.problems == ()
    assert state.latest == len(state.trees)
    assert [one for one, after in pairwise(state.trees) if one == after] == []
    assert [state.trees[told.version - 1] for told in done] == [told.tree_id for told in done]


def test_every_tree_becomes_one_version(
    trees: list[StageResult], workspace: Workspace, store_address: str
) -> None:
    done, _, state = _race(trees, workspace, store_address)
    assert sorted(told.version for told in done) == [1, 2, 3]
    assert [told.is_new for told in done] == [True, True, True]
    _require_in_order(state, done)


def test_one_tree_published_by_three_at_once_becomes_one_version(
    trees: list[StageResult], workspace: Workspace, store_address: str
) -> None:
    done, _, state = _race([trees[0]] * 3, workspace, store_address)
    assert sorted((told.version, told.is_new) for told in done) == [
        (1, False), (1, False), (1, True),
    ]  # fmt: skip
    assert len(state.trees) == 1
    _require_in_order(state, done)


@SEEDS
def test_killed_publishers_of_one_tree_make_one_version(
    seed: int, trees: list[StageResult], workspace: Workspace, store_address: str
) -> None:
    done, n_kills, state = _race(
        [trees[0]] * 2, workspace, store_address, random.Random(f"one tree {seed}")
    )
    assert (len(state.trees), state.problems) == (1, ()), f"seed {seed}, {n_kills} kills"
    _require_in_order(state, done)


@SEEDS
def test_killed_publishers_of_different_trees_lose_and_damage_nothing(
    seed: int, trees: list[StageResult], workspace: Workspace, store_address: str
) -> None:
    done, n_kills, state = _race(trees, workspace, store_address, random.Random(f"three {seed}"))
    assert state.problems == (), f"seed {seed}, {n_kills} kills"
    # Who is killed after the commit and overtaken finds another tree newest, and commits again.
    assert 3 <= len(state.trees) <= 3 + n_kills, f"seed {seed}, {n_kills} kills"
    _require_in_order(state, done)


@SEEDS
def test_killed_publishers_of_two_trees_of_which_one_comes_twice_do_no_harm(
    seed: int, trees: list[StageResult], workspace: Workspace, store_address: str
) -> None:
    racing = [trees[0], trees[1], trees[0]]
    done, n_kills, state = _race(racing, workspace, store_address, random.Random(f"twice {seed}"))
    assert set(state.trees) == {told.tree_id for told in done}, f"seed {seed}, {n_kills} kills"
    assert 2 <= len(state.trees) <= 3 + n_kills, f"seed {seed}, {n_kills} kills"
    _require_in_order(state, done)
