"""What distinguishes two versions, sample by sample."""

import json

import pytest

from tasks.common.errors import InputError
from tasks.common.schema.sample import KINDS, Sample
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.diff import Diff, diff_versions
from tasks.publish.records import manifest_key
from tasks.publish.registry import VersionRegistry
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.trees import NAME, PINS, push, tree_of
from tests.publish.forge import Shape, put_version

OTHER = f"{NAME}-2"
BEFORE = Shape(scenes=("street", "night"))


def _diff(store: ObjectStore, before: dict[str, Shape], after: dict[str, Shape]) -> Diff:
    commits = put_version(store, 1, before), put_version(store, 2, after)
    return diff_versions(VersionRegistry(store), *commits)


@pytest.mark.parametrize(
    ("after", "kinds", "says"),
    [
        pytest.param(BEFORE._replace(mask="new"), ("mask_changed",), "mask changed", id="mask"),
        pytest.param(
            BEFORE._replace(image="new"), ("image_changed",), "image changed", id="picture"
        ),
        pytest.param(
            BEFORE._replace(split="val"),
            ("split_changed",),
            "split changed from train to val",
            id="split",
        ),
        pytest.param(
            BEFORE._replace(scenes=("street",)),
            ("scenes_changed",),
            "scenes changed from street, night to street",
            id="a scene less",
        ),
        pytest.param(
            BEFORE._replace(scenes=()),
            ("scenes_changed",),
            "scenes changed from street, night to none",
            id="no scenes",
        ),
        pytest.param(
            Shape("val", (), "new", "new"),
            ("mask_changed", "image_changed", "split_changed", "scenes_changed"),
            "mask changed; image changed; split changed from train to val; "
            "scenes changed from street, night to none",
            id="all at once",
        ),
        pytest.param(None, ("removed",), "removed (train)", id="gone"),
    ],
)
def test_a_change_of_a_sample_is_named_and_said(
    after: Shape | None, kinds: tuple[str, ...], says: str, folder_store: FolderStore
) -> None:
    same = {"a": Shape(), "z": Shape("val")}
    diff = _diff(folder_store, same | {"s": BEFORE}, same | ({"s": after} if after else {}))
    (sample,) = diff.samples
    assert (sample.stem, sample.kinds, sample.describe(), diff.n_same) == ("s", kinds, says, 2)
    assert [kind for kind in KINDS if diff.of(kind)] == list(kinds)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_sample_that_came_is_added_on_its_side(split: str, folder_store: FolderStore) -> None:
    diff = _diff(folder_store, {}, {"s": Shape(split, ("night",))})
    (sample,) = diff.of("added")
    assert (sample.before, sample.describe(), diff.n_same) == (None, f"added ({split})", 0)
    assert sample.after == Sample("s", split, ("night",), "image", "mask", None)
    assert sample.after.paths == (f"img_dir/{split}/s.jpg", f"ann_dir/{split}/s.png")


def test_the_order_of_scenes_is_no_change(folder_store: FolderStore) -> None:
    turned = BEFORE._replace(scenes=("night", "street"))
    diff = _diff(folder_store, {"s": BEFORE}, {"s": turned})
    assert (diff.samples, diff.n_same) == ([], 1)


def test_versions_with_other_cards_only_have_no_changed_samples(folder_store: FolderStore) -> None:
    diff = _diff(folder_store, {"a": Shape(), "b": Shape()}, {"b": Shape(), "a": Shape()})
    assert (diff.samples, diff.n_same) == ([], 2)


def test_samples_come_in_order_of_their_stems(folder_store: FolderStore) -> None:
    diff = _diff(folder_store, {"d": Shape(), "b": Shape()}, {"c": Shape(), "a": Shape()})
    assert [(sample.stem, *sample.kinds) for sample in diff.samples] == [
        ("a", "added"), ("b", "removed"), ("c", "added"), ("d", "removed"),
    ]  # fmt: skip


def test_a_stem_with_a_dot_is_whole(folder_store: FolderStore) -> None:
    diff = _diff(folder_store, {}, {"c0193.v2-01": Shape()})
    assert [sample.stem for sample in diff.samples] == ["c0193.v2-01"]


def test_versions_of_two_subsets_are_compared(folder_store: FolderStore) -> None:
    mine = put_version(folder_store, 1, {"a": Shape(), "b": Shape()})
    theirs = put_version(folder_store, 7, {"b": Shape(mask="new"), "c": Shape()}, name=OTHER)
    diff = diff_versions(VersionRegistry(folder_store), mine, theirs)
    assert (diff.before.label, diff.after.label) == (f"{NAME}@v1", f"{OTHER}@v7")
    assert [(sample.stem, *sample.kinds) for sample in diff.samples] == [
        ("a", "removed"), ("b", "mask_changed"), ("c", "added"),
    ]  # fmt: skip


@pytest.mark.parametrize("lost", [1, 2])
def test_a_version_whose_table_is_gone_cannot_be_compared(
    lost: int, folder_store: FolderStore
) -> None:
    commits = [put_version(folder_store, number, {"a": Shape()}) for number in (1, 2)]
    folder_store.delete([manifest_key(f"t{lost}")])
    with pytest.raises(
        InputError, match=rf"{NAME}@v{lost} cannot be compared: the table of its files"
    ):
        diff_versions(VersionRegistry(folder_store), *commits)


def test_all_of_it_is_plain_values(folder_store: FolderStore) -> None:
    diff = _diff(
        folder_store,
        {"a": Shape(), "b": BEFORE, "c": Shape()},
        {"a": Shape(), "b": BEFORE._replace(split="val", mask="new"), "d": Shape("val")},
    )
    told = json.loads(json.dumps(diff.plain()))
    assert {name: value for name, value in told.items() if name != "samples"} == {
        "before": f"{NAME}@v1",
        "after": f"{NAME}@v2",
        "n_same": 1,
        "counts": {
            "added": 1, "removed": 1, "mask_changed": 1, "image_changed": 0,
            "split_changed": 1, "scenes_changed": 0,
        },
    }  # fmt: skip
    assert [(sample["stem"], sample["kinds"]) for sample in told["samples"]] == [
        ("b", ["mask_changed", "split_changed"]), ("c", ["removed"]), ("d", ["added"]),
    ]  # fmt: skip
    assert (told["samples"][1]["after"], told["samples"][2]["before"]) == (None, None)
    assert told["samples"][0]["before"] == {
        "split": "train",
        "scenes": ["street", "night"],
        "image": f"trees/t1/{NAME}/img_dir/train/b.jpg",
        "mask": f"trees/t1/{NAME}/ann_dir/train/b.png",
        "image_digest": "image",
        "mask_digest": "mask",
    }


def test_published_versions_are_compared(workspace: Workspace, any_store: ObjectStore) -> None:
    crops, lines = [Crop("a"), Crop("b")], (source("street"), source("cafe", scenes=("indoor",)))
    street, cafe = (judged(workspace, line, crops) for line in lines)
    relit = judged(workspace, source("street", scenes=("dusk",)), [Crop("a"), Crop("c")])
    push(tree_of(workspace, (street, cafe)), workspace, any_store)
    pins = PINS | {"cafe": "train"}
    push(tree_of(workspace, (relit, cafe), pin=pins), workspace, any_store)
    registry = VersionRegistry(any_store)
    diff = diff_versions(registry, *registry.commits(NAME))
    assert [(sample.stem, sample.describe()) for sample in diff.samples] == [
        ("cafe-a", "split changed from val to train"),
        ("cafe-b", "split changed from val to train"),
        ("street-a", "scenes changed from none to dusk"),
        ("street-b", "removed (train)"),
        ("street-c", "added (train)"),
    ]
    assert diff.n_same == 0
    keys = [
        commit.prefix + path
        for difference in diff.samples
        for sample, commit in ((difference.before, diff.before), (difference.after, diff.after))
        if sample is not None
        for path in sample.paths
    ]
    assert len(keys) == 16
    assert [key for key in keys if any_store.get(key) is None] == []
