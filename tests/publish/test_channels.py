"""Names such as `latest` that stand for a version: back, forth, and past other movers."""

import pytest

from tasks.common.errors import InputError, WorldError
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.channels import advance_latest, point_channel
from tasks.publish.records import Channel, Commit
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import retire_version
from tests.dataset.trees import NAME, NOW, latest_version, push_samples
from tests.publish.forge import channel_values, put_channels
from tests.publish.wrappers import Around, Overtaken


def _versions(workspace: Workspace, store: ObjectStore) -> list[Commit]:
    return [push_samples(workspace, store, *names) for names in ("a", "ab", "abc")]


def test_a_rollback_says_what_the_channel_stood_for(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first, *_ = _versions(workspace, any_store)
    registry = VersionRegistry(any_store)
    assert point_channel(registry, first) == Channel(version=3, newest=3)
    assert channel_values(any_store) == {"latest": {"version": 1, "newest": 3}}
    assert registry.resolve(NAME) == first


def test_a_rollback_holds_while_the_same_content_is_published_again(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first, *_ = _versions(workspace, any_store)
    point_channel(VersionRegistry(any_store), first)
    for _ in range(2):
        push_samples(workspace, any_store, "a", "b", "c")
    assert channel_values(any_store) == {"latest": {"version": 1, "newest": 3}}


def test_a_later_version_moves_latest_on_after_a_rollback(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, *_ = _versions(workspace, folder_store)
    point_channel(VersionRegistry(folder_store), first)
    push_samples(workspace, folder_store, "d")
    assert channel_values(folder_store) == {"latest": {"version": 4, "newest": 4}}


def test_a_rollback_can_be_taken_back(workspace: Workspace, folder_store: FolderStore) -> None:
    first, _, third = _versions(workspace, folder_store)
    registry = VersionRegistry(folder_store)
    point_channel(registry, first)
    assert point_channel(registry, third) == Channel(version=1, newest=3)
    assert latest_version(folder_store) == 3


def test_another_channel_is_made_and_stays_while_latest_moves(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, second, _ = _versions(workspace, folder_store)
    registry = VersionRegistry(folder_store)
    assert point_channel(registry, second, "stable") is None
    point_channel(registry, first)
    push_samples(workspace, folder_store, "d")
    assert channel_values(folder_store) == {
        "latest": {"version": 4, "newest": 4},
        "stable": {"version": 2, "newest": 3},
    }
    assert registry.resolve(f"{NAME}@stable") == second


@pytest.mark.parametrize(
    "channel", ["a", "stable", "camera-x5", "release-2026", "v1-beta", "a" * 40]
)
def test_a_channel_is_called_as_people_like(
    channel: str, workspace: Workspace, folder_store: FolderStore
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    point_channel(VersionRegistry(folder_store), commit, channel)
    assert VersionRegistry(folder_store).resolve(f"{NAME}@{channel}") == commit


@pytest.mark.parametrize(
    "channel",
    ["", "v1", "v0001", "12", "Stable", "-a", "a b", "a@b", "a/b", "../a", "a\n", "ä", "a" * 41],
)
def test_a_channel_that_could_be_mistaken_is_refused(
    channel: str, workspace: Workspace, folder_store: FolderStore
) -> None:
    commit = push_samples(workspace, folder_store, "a")
    with pytest.raises(InputError, match=r"A channel cannot be called .*; expected 1 to 40 of"):
        point_channel(VersionRegistry(folder_store), commit, channel)
    assert channel_values(folder_store) == {"latest": {"version": 1, "newest": 1}}


def test_no_channel_stands_for_a_retired_version(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, *_ = _versions(workspace, folder_store)
    retire_version(VersionRegistry(folder_store), first, "dark", NOW)
    with pytest.raises(
        InputError, match=rf"{NAME}@v1 is retired; `matteflow retire --undo` brings"
    ):
        point_channel(VersionRegistry(folder_store), first)
    assert latest_version(folder_store) == 3


def test_no_channel_stands_for_a_version_with_a_file_missing(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first, *_ = _versions(workspace, any_store)
    any_store.delete([f"{first.prefix}img_dir/train/a.jpg"])
    said = rf"{NAME}@v1 is not whole \(img_dir/train/a\.jpg is missing\), so nothing should point"
    with pytest.raises(InputError, match=said):
        point_channel(VersionRegistry(any_store), first)
    assert latest_version(any_store) == 3


def test_who_moves_a_channel_beside_another_loses_nothing_of_hers(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    first, second, _ = _versions(workspace, any_store)
    racing = Overtaken(
        any_store, "channels/", lambda: point_channel(VersionRegistry(any_store), second, "beta")
    )
    before = point_channel(VersionRegistry(racing), first, "stable")
    assert (before, racing.n_swaps) == (None, 2)
    assert {word: value["version"] for word, value in channel_values(any_store).items()} == {
        "latest": 3, "beta": 2, "stable": 1,
    }  # fmt: skip


def test_who_moves_the_same_channel_hears_what_the_other_left_there(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, second, _ = _versions(workspace, folder_store)
    racing = Overtaken(
        folder_store, "channels/", lambda: point_channel(VersionRegistry(folder_store), second)
    )
    assert point_channel(VersionRegistry(racing), first) == Channel(version=2, newest=3)
    assert latest_version(folder_store) == 1


@pytest.mark.parametrize(
    ("meanwhile", "left"),
    [
        pytest.param({"latest": {"version": 4, "newest": 4}}, 4, id="a later version"),
        pytest.param({"latest": {"version": 1, "newest": 3}}, 1, id="a rollback from this one"),
        pytest.param({"latest": {"version": 1, "newest": 2}}, 3, id="a rollback from before it"),
    ],
)
def test_latest_that_moves_meanwhile_is_respected(
    meanwhile: dict[str, dict[str, int]], left: int, folder_store: FolderStore
) -> None:
    put_channels(folder_store, {"latest": 2})
    racing = Overtaken(folder_store, "channels/", lambda: put_channels(folder_store, meanwhile))
    advance_latest(VersionRegistry(racing), NAME, 3)
    assert latest_version(folder_store) == left


class _NeverSwaps(Around):
    def swap(self, key: str, expected: bytes | None, data: bytes) -> bool:
        return False


def test_who_loses_every_race_is_told_to_come_again(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    first, *_ = _versions(workspace, folder_store)
    registry = VersionRegistry(_NeverSwaps(folder_store))
    with pytest.raises(
        WorldError, match=rf"Other processes keep changing the channels of {NAME}\. Run it"
    ):
        point_channel(registry, first)
    with pytest.raises(
        WorldError, match=rf"Other processes keep changing the channels of {NAME}\. Run it"
    ):
        advance_latest(registry, NAME, 4)


def test_who_moves_a_channel_where_it_stands_needs_no_race(
    workspace: Workspace, folder_store: FolderStore
) -> None:
    *_, third = _versions(workspace, folder_store)
    registry = VersionRegistry(_NeverSwaps(folder_store))
    assert point_channel(registry, third) == Channel(version=3, newest=3)
    advance_latest(registry, NAME, 3)
    assert channel_values(folder_store) == {"latest": {"version": 3, "newest": 3}}
