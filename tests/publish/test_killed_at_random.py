"""Eight connections and kills at any moment, also in the middle of requests, until it is done."""

import random

import pytest

from tasks.common.records import Publication, StageResult
from tasks.common.store.address import open_store
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import kept_tree
from tests.publish.killing import KILLED, UNDISTURBED, Order, Publisher, any_end
from tests.publish.states import look, whole

pytestmark = pytest.mark.slow

N_CONNECTIONS = 8
MAX_KILLS = 4  # to each tree
N_POINTS = 40  # every first run has more


@pytest.fixture(scope="module")
def trees(workspace: Workspace) -> tuple[StageResult, StageResult]:
    return kept_tree(workspace, *"abcdef"), kept_tree(workspace, *"abcdeg")


@pytest.mark.parametrize("seed", range(3))
def test_what_is_killed_again_and_again_is_never_half_there_and_whole_in_the_end(
    seed: int, trees: tuple[StageResult, StageResult], workspace: Workspace, store_address: str
) -> None:
    chance, store, done = random.Random(seed), open_store(store_address), list[str]()
    for tree in trees:
        with Publisher(tree, workspace, store_address, n_connections=N_CONNECTIONS) as publisher:
            end = _kill_until_done(publisher, chance, store, done)
        done.append(end.tree_id)
        assert end.version == len(done), f"seed {seed}"
        assert look(store) == whole(*done), f"seed {seed}"


def _kill_until_done(
    publisher: Publisher, chance: random.Random, store: ObjectStore, done: list[str]
) -> Publication:
    """Require after each kill that versions are whole, and that nothing there is brought again."""
    orders = [Order(kill_at=chance.randrange(N_POINTS))]
    orders += [any_end(chance) for _ in range(MAX_KILLS - 1)]
    trees_before, n_there = set(store.list_folders("trees/")), 0
    for order in [*orders, UNDISTURBED]:
        run = publisher.run(order)
        if run.publication is not None:
            # What was under way at the kill may have arrived after we looked.
            assert run.publication.n_present >= n_there, f"after {order}"
            return run.publication
        assert run.exit_code == KILLED
        state = look(store)
        assert state.problems == (), f"after {order}"
        assert state.trees[: len(done)] == tuple(done), f"after {order}"
        assert len(done) <= len(state.trees) <= len(done) + 1, f"after {order}"
        assert len(done) <= state.latest <= len(state.trees), f"after {order}"
        new = set(store.list_folders("trees/")) - trees_before
        n_there = sum(len(store.list_objects(f"trees/{tree_id}/")) for tree_id in new)
    raise AssertionError("Not even the undisturbed run came to an end.")
