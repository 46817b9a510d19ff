"""Ended in the middle of a file: the disk has a part of it, or the server was sent half."""

from collections.abc import Callable

import pytest

from tasks.common.files import digest_bytes
from tasks.common.records import StageResult
from tasks.common.store.address import open_store
from tasks.common.store.folder import INCOMING, FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import push
from tests.publish.killing import CUT, KILLED, Order, Publisher
from tests.publish.proxy import Request, Trouble, proxied
from tests.publish.states import State, look, whole

pytestmark = pytest.mark.slow


def _require_only_whole_files(store: ObjectStore, tree: StageResult, home: Workspace) -> int:
    """Compare what is in the trees with what was to be written; return how many files are there."""
    digests = set(home.items(tree)["digest"])
    there = [digest_bytes(store.get(key) or b"") for key in store.list_objects("trees/")]
    assert [digest for digest in there if digest not in digests] == []
    return len(there)


def test_a_file_of_which_the_disk_has_a_part_gets_no_name_in_the_tree(
    one: StageResult, workspace: Workspace, folder_store: FolderStore
) -> None:
    address, counts = folder_store.root.as_uri(), list[int]()
    store = open_store(address)
    assert isinstance(store, FolderStore)
    with Publisher(one, workspace, address) as publisher:
        for size in sorted(workspace.items(one)["size_bytes"].unique())[1:]:
            limit = int(size) - 1
            assert publisher.run(Order(max_file_bytes=limit)).exit_code == CUT
            cut = [path.stat().st_size for path in (store.root / INCOMING).iterdir()]
            assert limit in cut
            assert look(store) == whole()
            counts.append(_require_only_whole_files(store, one, workspace))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 11)
    done = push(one, workspace, store)
    assert (done.version, done.is_new, done.n_present) == (1, True, counts[-1])
    assert look(store) == whole(done.tree_id)


def _put_to(part: str) -> Callable[[Request], bool]:
    return lambda asked: asked.method == "PUT" and part in asked.path


@pytest.mark.parametrize(
    ("part", "n_there", "latest", "n_versions"),
    [
        pytest.param(".jpg", 0, 0, 0, id="picture"),
        pytest.param("MANIFEST.sha256", 14, 0, 0, id="list of digests"),
        pytest.param("/manifests/", 15, 0, 0, id="table of files"),
        pytest.param("/versions/", 15, 0, 0, id="commit record"),
        pytest.param("/channels/", 15, 0, 1, id="channel"),
    ],
)
def test_an_object_of_which_the_server_was_sent_half_is_not_there(
    part: str, n_there: int, latest: int, n_versions: int,
    one: StageResult, workspace: Workspace, s3_address: str,
) -> None:  # fmt: skip
    store = open_store(s3_address)
    rehearsed = push(one, workspace, open_store(f"{s3_address}-rehearsal")).tree_id
    victims = list[Publisher]()
    trouble = Trouble(
        "request cut", _put_to(part), meanwhile=lambda: victims[0].kill(), waits_for_client=True
    )
    with proxied(trouble), Publisher(one, workspace, s3_address) as publisher:
        victims.append(publisher)
        assert publisher.run().exit_code == KILLED
    assert look(store) == State((rehearsed,) * n_versions, latest, ())
    assert _require_only_whole_files(store, one, workspace) == n_there
    done = push(one, workspace, store)
    assert (done.version, done.n_present, done.is_new) == (1, n_there, n_versions == 0)
    assert look(store) == whole(rehearsed)
