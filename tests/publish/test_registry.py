"""Which versions a store holds, and which of them words stand for."""

import pytest

from tasks.common.errors import InputError
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.records import commit_key, retirement_key
from tasks.publish.registry import VersionRegistry
from tests.dataset.trees import NAME, NOW, push_samples
from tests.publish.forge import put, put_channels, put_record, record

OTHER = f"{NAME}-2"


@pytest.fixture
def four(folder_store: FolderStore) -> VersionRegistry:
    """Versions 1, 2, 3 and 5; latest is rolled back to 3, stable stands for 1."""
    for number in (1, 2, 3, 5):
        put_record(folder_store, number)
    held = {"version": 3, "newest": 5}
    put_channels(folder_store, {"latest": held, "stable": {"version": 1, "newest": 3}})
    return VersionRegistry(folder_store)


def test_an_empty_store_has_no_versions(any_store: ObjectStore) -> None:
    registry = VersionRegistry(any_store)
    assert (registry.names(), registry.numbers(NAME), registry.retired_numbers(NAME)) == (
        [],
        [],
        [],
    )
    assert (registry.newest(NAME), registry.commit(NAME, 1), registry.commits(NAME)) == (
        None,
        None,
        [],
    )
    assert (registry.retirement(NAME, 1), registry.channels(NAME)) == (None, ({}, None))
    assert registry.files(record(1)) is None


def test_names_and_numbers_are_those_of_the_records(any_store: ObjectStore) -> None:
    for number in (10, 9, 2):
        put_record(any_store, number)
    put_record(any_store, 1, name=OTHER)
    for stranger in (f"versions/{NAME}/notes.txt", f"versions/{NAME}/v0003.json.bak"):
        put(any_store, stranger, b"")
    registry = VersionRegistry(any_store)
    assert (registry.names(), registry.numbers(NAME)) == ([NAME, OTHER], [2, 9, 10])
    assert [commit.version for commit in registry.commits(NAME)] == [2, 9, 10]
    assert (registry.newest(NAME), registry.newest(OTHER)) == (record(10), record(1, name=OTHER))


def test_a_retired_version_is_a_version_too(any_store: ObjectStore) -> None:
    for number in (1, 2):
        put_record(any_store, number)
    put(any_store, retirement_key(NAME, 1), b'{"at": "2026-11-22T12:00:00Z", "reason": "dark"}')
    registry = VersionRegistry(any_store)
    assert (registry.numbers(NAME), registry.retired_numbers(NAME)) == ([1, 2], [1])
    told = registry.retirement(NAME, 1)
    assert told is not None
    assert (told.at, told.reason, registry.retirement(NAME, 2)) == (NOW, "dark", None)


@pytest.mark.parametrize(
    ("words", "number"),
    [
        pytest.param("", 3, id="name alone is latest"),
        pytest.param("@", 3, id="nothing after the sign"),
        pytest.param("@latest", 3, id="latest"),
        pytest.param("@stable", 1, id="another channel"),
        pytest.param("@v2", 2, id="number with v"),
        pytest.param("@2", 2, id="plain number"),
        pytest.param("@0002", 2, id="number with zeros"),
        pytest.param("@v0005", 5, id="as the record is called"),
    ],
)
def test_words_stand_for_a_version(words: str, number: int, four: VersionRegistry) -> None:
    assert four.resolve(NAME + words) == record(number)


def test_without_channels_the_newest_is_latest(folder_store: FolderStore) -> None:
    for number in (1, 2):
        put_record(folder_store, number)
    assert VersionRegistry(folder_store).resolve(NAME).version == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(f"{NAME}@v4", r"has no version 4\. Versions: v1 to v3, v5\.$", id="gap"),
        pytest.param(f"{NAME}@6", r"has no version 6\. Versions: v1 to v3, v5\.", id="beyond"),
        pytest.param(f"{NAME}@v0", r"has no channel 'v0'\. Channels: latest, stable; ", id="zero"),
        pytest.param(
            f"{NAME}@beta",
            r"has no channel 'beta'\. Channels: latest, stable; versions: v1 to v3, v5\.",
            id="channel",
        ),
        pytest.param(
            NAME.replace("small", "smell"),
            rf"no subset '{NAME.replace('small', 'smell')}' here\. Known are 1, such as {NAME}; "
            r"`matteflow versions` lists all\. Expected NAME, NAME@v3 or NAME@latest\.",
            id="misspelt",
        ),
        pytest.param("quite-another", rf"Known are 1, such as {NAME};", id="nothing like it"),
        pytest.param("", rf"no subset '' here\. Known are 1, such as {NAME};", id="nothing"),
        pytest.param("@v1", r"There is no subset '' here\.", id="version alone"),
        pytest.param(f"{NAME}/", rf"no subset '{NAME}/' here", id="slash"),
        pytest.param(f"../versions/{NAME}", r"no subset '\.\./versions/", id="way up"),
        pytest.param("..", r"no subset '\.\.' here", id="parent folder"),
    ],
)  # fmt: skip
def test_who_asks_for_what_is_not_there_hears_what_is(
    words: str, sentence: str, four: VersionRegistry
) -> None:
    with pytest.raises(InputError, match=sentence):
        four.resolve(words)


def test_an_empty_store_says_that_nothing_is_published_yet(any_store: ObjectStore) -> None:
    with pytest.raises(InputError, match=r"no version of anything in .* yet\. Publish with"):
        VersionRegistry(any_store).resolve(NAME)


def test_a_channel_that_stands_for_a_lost_record_is_said_so(folder_store: FolderStore) -> None:
    for number in (1, 2):
        put_record(folder_store, number)
    put_channels(folder_store, {"latest": {"version": 2, "newest": 2}})
    folder_store.delete([commit_key(NAME, 2)])
    with pytest.raises(InputError, match=rf"{NAME} has no version 2\. Versions: v1\."):
        VersionRegistry(folder_store).resolve(NAME)


def test_of_many_subsets_the_nearest_are_named(folder_store: FolderStore) -> None:
    for note in ("street", "cafe", "beach", "night", "snow", "rain", "harbour"):
        put_record(folder_store, 1, name=f"CustomSeg_Person_20261122_{note}")
    with pytest.raises(InputError, match=r"Known are 7, such as CustomSeg_Person_20261122_street"):
        VersionRegistry(folder_store).resolve("CustomSeg_Person_20261122_streets")


def test_the_files_of_a_version_are_told_with_what_is_known_of_them(
    workspace: Workspace, any_store: ObjectStore
) -> None:
    commit = push_samples(workspace, any_store, "a")
    rows = {file.name: file for file in VersionRegistry(any_store).files(commit) or ()}
    assert sorted(rows) == [
        "MANIFEST.sha256", "README.md", "ann_dir/train/a.png", "img_dir/train/a.jpg",
        "split_dir/train.txt",
    ]  # fmt: skip
    image = rows["img_dir/train/a.jpg"]
    assert (image.size_bytes, image.split, image.licence) == (10, "train", None)
