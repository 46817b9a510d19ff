"""SIGKILL at every point of a publication, each followed by the same publication undisturbed.

The points are before and after each request to S3, and around each change of a file or folder.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

import pytest

from tasks.common.records import Publication, StageResult
from tasks.common.store.address import open_store
from tasks.common.store.objects import ObjectStore, Stored
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import NAME, kept_tree, push
from tests.publish.crash_points import END, Point, keys_written
from tests.publish.killing import KILLED, Order, Publisher
from tests.publish.states import Seen, Snapshot, State, look, rewind, take_snapshot, whole
from tests.publish.wrappers import Noting
from tests.seaweed import S3Server

pytestmark = pytest.mark.slow

N_FILES = 25  # six samples, and what tells of them
N_SHARED = 20
Listing = frozenset[tuple[str, Stored]]


class Kill(NamedTuple):
    """What a kill left, and what the next run made of it.

    `there` are the keys of the tree between both, `put` the keys that the next run wrote.
    """

    exit_code: int
    left: State
    there: frozenset[str]
    done: Publication
    put: frozenset[str]
    after: State


class Sweep(NamedTuple):
    """A publication undisturbed, with its points, and killed at each of them."""

    before: State
    kept: Snapshot
    points: tuple[Point, ...]
    done: Publication
    written: Snapshot
    kills: list[Kill]

    @property
    def n_before(self) -> int:
        """How many versions there were before."""
        return len(self.before.trees)

    @property
    def commits_at(self) -> int:
        """The number of the point right before the version comes into being."""
        key = f"versions/{NAME}/v{self.n_before + 1:04d}.json"
        (at,) = (n for n, point in enumerate(self.points) if point[::2] == ("before", key))
        return at

    def odd(self, is_right: Callable[[int, Kill], bool]) -> str:
        """Return the points whose kill broke a law, empty when none did."""
        pairs = zip(self.points, self.kills, strict=True)
        return "\n".join(
            f"{n} of {len(self.kills)}: {point}: {kill}"
            for n, (point, kill) in enumerate(pairs)
            if not is_right(n, kill)
        )


def _sweep(address: str, first: StageResult | None, tree: StageResult, home: Workspace) -> Sweep:
    store = open_store(address)
    if first:
        with Publisher(first, home, address) as publisher:
            publisher.run()
    kept, before = take_snapshot(store), look(store)
    with Publisher(tree, home, address) as publisher:
        calm = publisher.run()
        assert calm.publication is not None
        written, seen = take_snapshot(store), Seen()
        kills, known = list[Kill](), dict[Listing, Kill]()
        prefix = f"trees/{calm.publication.tree_id}/"
        for n in count():
            rewind(store, kept)
            killed = publisher.run(Order(kill_at=n))
            if killed.exit_code == 0:
                break
            # Between the reply to a request and the next request a server does nothing: both kills
            # leave the same bytes, and the same run follows. A folder lists no MD5 to know it by.
            listing = frozenset(store.list_objects("").items())
            if listing not in known or any(stored.md5 is None for _, stored in listing):
                known[listing] = _kill(killed.exit_code, store, tree, home, prefix, seen)
            kills.append(known[listing]._replace(exit_code=killed.exit_code))
    return Sweep(before, kept, calm.points, calm.publication, written, kills)


def _kill(
    exit_code: int, store: ObjectStore, tree: StageResult, home: Workspace, prefix: str, seen: Seen
) -> Kill:
    """Look at what a kill left of the tree below `prefix`, and publish again."""
    there = frozenset(store.list_objects(prefix))
    left, again = look(store, seen), Noting(store)
    done = push(tree, home, again)
    return Kill(exit_code, left, there, done, frozenset(again.written), look(store, seen))


@pytest.fixture(scope="module")
def trees(workspace: Workspace) -> tuple[StageResult, StageResult]:
    """Two trees of as many files, most of them the same in both."""
    return kept_tree(workspace, *"abcdef"), kept_tree(workspace, *"abcdeg")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((place, number), id=f"{place}, version {number}")
        for place in ("folder", "s3")
        for number in (1, 2)
    ],
)
def sweep(
    request: pytest.FixtureRequest,
    trees: tuple[StageResult, StageResult],
    workspace: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
    s3_server: S3Server,
) -> Iterator[Sweep]:
    place, number = request.param
    first = trees[0] if number == 2 else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        folder = tmp_path_factory.mktemp("store")
        address = folder.as_uri() if place == "folder" else f"s3://tests/{folder.name}-{number}"
        yield _sweep(address, first, trees[1 if first else 0], workspace)


def test_every_point_is_killed_at(sweep: Sweep) -> None:
    assert len(sweep.kills) == len(sweep.points)
    assert {kill.exit_code for kill in sweep.kills} == {KILLED}
    assert sweep.points[-1] == END


def test_the_points_are_around_everything_that_is_written(sweep: Sweep) -> None:
    public = {key for key in sweep.written.keys() - sweep.kept.keys() if not key.startswith(".")}
    assert keys_written(sweep.points) == public | {f"channels/{NAME}.json"}
    # Files, table and record; at first also the channel.
    assert len(public) in (N_FILES + 2, N_FILES + 3)
    assert sweep.done.n_copied == (N_SHARED if sweep.n_before else 0)


def test_each_request_has_a_point_before_and_a_point_after_it(sweep: Sweep) -> None:
    requests = [point for point in sweep.points if point.act[0].isupper()]
    befores, afters = requests[::2], requests[1::2]
    assert [point[1:] for point in befores] == [point[1:] for point in afters]
    assert [{point.moment for point in half} for half in (befores, afters)] in (
        [{"before"}, {"after"}],
        [set(), set()],  # a folder knows no requests
    )


def test_what_is_committed_is_whole(sweep: Sweep) -> None:
    assert sweep.odd(lambda _, kill: kill.left.problems == ()) == ""


def test_a_version_is_there_from_its_commit_on_and_not_before(sweep: Sweep) -> None:
    after = (*sweep.before.trees, sweep.done.tree_id)
    assert sweep.odd(
        lambda n, kill: kill.left.trees == (after if n > sweep.commits_at else sweep.before.trees)
    ) == ""  # fmt: skip


def test_the_channel_stands_for_the_newest_version_or_for_the_one_before(sweep: Sweep) -> None:
    newest = sweep.n_before + 1
    assert sweep.odd(
        lambda _, kill: newest - 1 <= kill.left.latest <= len(kill.left.trees)
    ) == ""  # fmt: skip
    assert {kill.left.latest for kill in sweep.kills} == {newest - 1, newest}


def test_the_next_run_completes_under_the_same_number(sweep: Sweep) -> None:
    wanted = whole(*sweep.before.trees, sweep.done.tree_id)
    assert sweep.odd(lambda _, kill: kill.after == wanted) == ""
    assert sweep.odd(lambda _, kill: kill.done.version == sweep.n_before + 1) == ""


def test_the_next_run_makes_a_version_only_where_the_killed_one_made_none(sweep: Sweep) -> None:
    assert sweep.odd(lambda n, kill: kill.done.is_new == (n <= sweep.commits_at)) == ""


def test_the_next_run_writes_the_files_that_are_missing_and_no_others(sweep: Sweep) -> None:
    prefix = f"trees/{sweep.done.tree_id}/"
    files = {key for key in sweep.written if key.startswith(prefix)}

    def is_right(_: int, kill: Kill) -> bool:
        put, missing = {key for key in kill.put if key.startswith(prefix)}, files - kill.there
        return put == missing and len(missing) == kill.done.n_uploaded + kill.done.n_copied

    assert sweep.odd(is_right) == ""
    assert sweep.odd(lambda _, kill: kill.done.n_present == len(kill.there)) == ""
    assert {len(kill.there) for kill in sweep.kills} == set(range(N_FILES + 1))


def test_the_next_run_copies_what_an_undisturbed_one_would_have_copied(sweep: Sweep) -> None:
    undone = {len(kill.there): kill.done.n_uploaded for kill in sweep.kills}
    assert (undone[0], undone[N_FILES]) == (sweep.done.n_uploaded, 0)
    assert sweep.odd(lambda _, kill: kill.done.n_uploaded <= sweep.done.n_uploaded) == ""
