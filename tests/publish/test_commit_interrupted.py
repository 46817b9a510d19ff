"""What else may follow a killed publication than the same one again."""

import pytest

from tasks.common.records import StageResult
from tasks.common.store.address import open_store
from tasks.common.store.folder import INCOMING, FolderStore
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import kept_tree, push
from tests.publish.crash_points import Point
from tests.publish.killing import KILLED, Order, Publisher
from tests.publish.states import look, whole

pytestmark = pytest.mark.slow  # killed processes


@pytest.fixture(scope="module")
def other(workspace: Workspace) -> StageResult:
    return kept_tree(workspace, "a", "c")


def _number_of(points: tuple[Point, ...], part: str) -> int:
    """Return the number of the first point at an object whose key has this part."""
    return next(n for n, point in enumerate(points) if part in point.key)


MOMENTS = pytest.mark.parametrize(
    ("part", "n_versions"),
    [
        pytest.param("MANIFEST.sha256", 1, id="before the list of digests"),
        pytest.param("v0002.json", 1, id="before the commit"),
        pytest.param("channels/", 2, id="before the channel"),
    ],
)


@MOMENTS
def test_another_tree_is_published_instead_of_the_killed_one(
    part: str, n_versions: int, one: StageResult, two: StageResult, other: StageResult,
    workspace: Workspace, store_address: str,
) -> None:  # fmt: skip
    store = open_store(store_address)
    with Publisher(one, workspace, f"{store_address}-rehearsal") as publisher:
        publisher.run()
    with Publisher(two, workspace, f"{store_address}-rehearsal") as publisher:
        points = publisher.run().points
    push(one, workspace, store)
    with Publisher(two, workspace, store_address) as publisher:
        killed = publisher.run(Order(kill_at=_number_of(points, part)))
    assert killed.exit_code == KILLED
    left = look(store)
    assert (len(left.trees), left.latest, left.problems) == (n_versions, 1, ())
    done = push(other, workspace, store)
    assert (done.version, done.is_new) == (n_versions + 1, True)
    assert look(store) == whole(*left.trees, done.tree_id)


def test_the_half_that_a_killed_writer_leaves_is_in_no_listing(
    one: StageResult, workspace: Workspace, folder_store: FolderStore
) -> None:
    address = folder_store.root.as_uri()
    store = open_store(address)
    assert isinstance(store, FolderStore)
    with Publisher(one, workspace, address) as publisher:
        points = publisher.run().points
        written = [n for n, point in enumerate(points) if point.act == "os.chmod"]
        store.root.rename(store.root.with_name("undisturbed"))
        assert publisher.run(Order(kill_at=written[2])).exit_code == KILLED
    (half,) = (store.root / INCOMING).iterdir()
    assert half.stat().st_size > 0
    folders = ("trees/", "manifests/", "versions/", "channels/")
    listed = [key for folder in folders for key in store.list_objects(folder)]
    assert len(listed) == 1
    assert listed[0].startswith("trees/")
    done = push(one, workspace, store)
    assert look(store) == whole(done.tree_id)
    assert half.exists()  # until a collection finds that its writer must be dead
