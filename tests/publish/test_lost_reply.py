"""What the server did and its reply did not tell, or what it was asked and never heard of."""

from collections.abc import Callable

import pytest

from tasks.common.errors import WorldError
from tasks.common.records import StageResult
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import kept_tree, push
from tests.publish.proxy import Fate, Request, Trouble, proxied
from tests.publish.states import look, whole


def _put_to(folder: str) -> Callable[[Request], bool]:
    return lambda asked: asked.method == "PUT" and f"/{folder}" in asked.path and not asked.is_copy


def _copies(asked: Request) -> bool:
    return asked.is_copy


COMMIT = _put_to("versions/")
REQUESTS = pytest.mark.parametrize(
    "of",
    [
        pytest.param(_put_to(".probe"), id="probe"),
        pytest.param(_put_to("trees/"), id="file"),
        pytest.param(_copies, id="copy"),
        pytest.param(_put_to("manifests/"), id="table of files"),
        pytest.param(COMMIT, id="commit record"),
        pytest.param(_put_to("channels/"), id="channel"),
    ],
)
FATES = pytest.mark.parametrize("fate", ["reply lost", "request lost", "request cut"])


@FATES
@REQUESTS
def test_what_gets_lost_on_its_way_once_is_made_up_for(
    fate: Fate, of: Callable[[Request], bool], workspace: Workspace, one: StageResult,
    two: StageResult, s3_address: str,
) -> None:  # fmt: skip
    direct = open_store(s3_address)
    first = push(one, workspace, direct)
    with proxied(Trouble(fate, of)) as proxy:
        second = push(two, workspace, open_store(s3_address))
    assert len(proxy.befallen) == 1
    assert (second.version, second.is_new) == (2, True)
    assert second.n_uploaded + second.n_copied == second.n_files
    assert look(direct) == whole(first.tree_id, second.tree_id)


def test_a_copy_whose_reply_got_lost_is_still_a_copy(
    workspace: Workspace, one: StageResult, two: StageResult, s3_address: str
) -> None:
    push(one, workspace, open_store(s3_address))
    with proxied(Trouble("reply lost", _copies, n_times=3)) as proxy:
        second = push(two, workspace, open_store(s3_address))
    assert len(proxy.befallen) == 3
    assert (second.n_copied, second.n_uploaded) == (6, 11)


def test_a_commit_whose_replies_all_get_lost_is_found_by_the_next_run(
    workspace: Workspace, one: StageResult, s3_address: str
) -> None:
    direct = open_store(s3_address)
    lost = pytest.raises(WorldError, match="does not answer")
    with proxied(Trouble("reply lost", COMMIT, n_times=2)) as proxy, lost:
        push(one, workspace, open_store(s3_address, attempts=2))
    tree_id = look(direct).trees[0]
    assert len(proxy.befallen) == 2
    assert look(direct) == whole(tree_id)._replace(latest=0)
    again = push(one, workspace, direct)
    assert (again.version, again.is_new, again.n_present) == (1, False, again.n_files)
    assert look(direct) == whole(tree_id)


def test_a_commit_that_never_arrives_leaves_no_version(
    workspace: Workspace, one: StageResult, s3_address: str
) -> None:
    direct = open_store(s3_address)
    lost = pytest.raises(WorldError, match="does not answer")
    with proxied(Trouble("request lost", COMMIT, n_times=2)), lost:
        push(one, workspace, open_store(s3_address, attempts=2))
    assert look(direct) == whole()
    again = push(one, workspace, direct)
    assert (again.version, again.is_new, again.n_uploaded) == (1, True, 0)


def test_a_commit_is_recognised_although_another_came_on_top_before_the_reply(
    workspace: Workspace, one: StageResult, two: StageResult, s3_address: str
) -> None:
    direct = open_store(s3_address)
    trouble = Trouble("reply lost", COMMIT, meanwhile=lambda: push(two, workspace, direct))
    with proxied(trouble):
        done = push(one, workspace, open_store(s3_address))
    assert (done.version, done.is_new) == (1, True)
    state = look(direct)
    assert (len(state.trees), state.trees[0], state.latest, state.problems) == (
        2, done.tree_id, 2, (),
    )  # fmt: skip


def test_a_commit_that_never_arrived_takes_the_number_after_the_one_taken_meanwhile(
    workspace: Workspace, one: StageResult, two: StageResult, s3_address: str
) -> None:
    direct = open_store(s3_address)
    trouble = Trouble("request lost", COMMIT, meanwhile=lambda: push(two, workspace, direct))
    with proxied(trouble):
        done = push(one, workspace, open_store(s3_address))
    assert (done.version, done.is_new) == (2, True)
    state = look(direct)
    assert (len(state.trees), state.trees[1], state.latest, state.problems) == (
        2, done.tree_id, 2, (),
    )  # fmt: skip


def test_a_channel_whose_reply_got_lost_does_not_go_back_behind_a_later_version(
    workspace: Workspace, one: StageResult, two: StageResult, s3_address: str
) -> None:
    direct = open_store(s3_address)
    trouble = Trouble(
        "reply lost", _put_to("channels/"), meanwhile=lambda: push(two, workspace, direct)
    )
    with proxied(trouble):
        done = push(one, workspace, open_store(s3_address))
    assert (done.version, done.is_new) == (1, True)
    assert look(direct).latest == 2
    assert look(direct).problems == ()


def test_a_proxy_that_loses_nothing_changes_nothing(workspace: Workspace, s3_address: str) -> None:
    with proxied(Trouble("reply lost", COMMIT, n_times=0)) as proxy:
        done = push(kept_tree(workspace, "a"), workspace, open_store(s3_address, attempts=1))
    assert (done.version, done.is_new, proxy.befallen) == (1, True, [])
    assert look(open_store(s3_address)) == whole(done.tree_id)
