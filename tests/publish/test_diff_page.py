"""What distinguishes two versions, as a page with pictures."""

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tasks.common.media.images import Mask, Rgb, read_rgb
from tasks.common.records import StageResult
from tasks.common.schema.sample import ChangeKind
from tasks.common.store.folder import FolderStore
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.diff import Diff, diff_versions
from tasks.publish.diff_page import MAX_SHOWN, render_diff
from tasks.publish.registry import VersionRegistry
from tests.dataset.builders import judged, person_mask, source
from tests.dataset.crops import Crop
from tests.dataset.trees import NAME, PINS, push, tree_of
from tests.publish.forge import Shape, put, put_version
from tests.review.pages import Page

ASPECT = 24 / 36  # width over height of every published sample here
EVIL = "<script>alert(1)</script>"


def _smaller() -> Mask:
    mask = person_mask()
    mask[6:20] = 0
    return mask


@pytest.fixture(scope="module")
def trees(workspace: Workspace) -> tuple[StageResult, StageResult]:
    """Two trees between which one sample is redrawn, one goes, one comes, and two move."""
    cafe = judged(workspace, source("cafe"), [Crop("a"), Crop("b")])
    street = judged(workspace, source("street"), [Crop("a")])
    redrawn = judged(workspace, source("street"), [Crop("a")], mask=_smaller())
    gone, new = (judged(workspace, source(name), [Crop("a")]) for name in ("gone", "new"))
    pins = PINS | {"gone": "val", "new": "train"}
    first = tree_of(workspace, (cafe, street, gone), pin=pins)
    return first, tree_of(workspace, (cafe, redrawn, new), pin=pins | {"cafe": "train"})


Publish = Callable[[ObjectStore], Diff]


@pytest.fixture
def published(workspace: Workspace, trees: tuple[StageResult, StageResult]) -> Publish:
    """Publishes both trees in a store and compares them."""

    def publish(store: ObjectStore) -> Diff:
        for tree in trees:
            push(tree, workspace, store)
        registry = VersionRegistry(store)
        return diff_versions(registry, *registry.commits(NAME))

    return publish


def _forged(store: ObjectStore, before: dict[str, Shape], after: dict[str, Shape]) -> Diff:
    commits = put_version(store, 1, before), put_version(store, 2, after)
    return diff_versions(VersionRegistry(store), *commits)


def _pictures(page: Page) -> dict[str, Rgb]:
    """Return each picture by its sample."""
    found = {}
    for stem, uri in zip(page.all_of("img", "alt"), page.all_of("img", "src"), strict=True):
        head, _, data = uri.partition(",")
        assert (head, stem in found) == ("data:image/jpeg;base64", False)
        found[stem] = read_rgb(io.BytesIO(base64.b64decode(data)))
    return found


def _n_tiles(page: Page) -> dict[str, Any]:
    """Return how many samples wide each picture is; the gap between two is a small part of one."""
    return {
        stem: pytest.approx(image.shape[1] / (image.shape[0] * ASPECT), abs=0.1)
        for stem, image in _pictures(page).items()
    }


def test_each_changed_sample_is_shown_once_and_counted(
    published: Publish, any_store: ObjectStore
) -> None:
    page = Page(render_diff(published(any_store), any_store))
    assert page.tags.count("figure") == page.tags.count("img") == 5
    assert _n_tiles(page) == {
        "new-a": 1, "gone-a": 1, "street-a": 2,
        "cafe-a": 1, "cafe-b": 1,
    }  # fmt: skip
    assert f"{NAME}@v1 → {NAME}@v2" in page.text
    assert "4 samples before, 4 after, 0 the same in both." in page.text
    counts = ("mask changed 1", "image changed 0", "split changed 2", "scenes changed 0")
    for words in ("added 1", "removed 1", *counts):
        assert f" {words} " in page.text
    for words in ("street-a mask changed", "gone-a removed (val)", "new-a added (train)"):
        assert words in page.text


def test_before_stands_left_of_after_each_with_its_outline(
    published: Publish, folder_store: FolderStore
) -> None:
    page = Page(render_diff(published(folder_store), folder_store))
    both = _pictures(page)["street-a"].astype(int)
    height_px, width_px = both.shape[:2]
    one_px = round(height_px * ASPECT)
    assert both[:, one_px + 2 : width_px - one_px - 2].min() > 180  # the gap is white
    greenness = (both[:, :, 1] - both[:, :, 0])[: height_px * 2 // 3]  # the lower edge stayed
    middles = (slice(one_px // 4, one_px * 3 // 4), slice(-one_px * 3 // 4, -one_px // 4))
    tops_px = [greenness[:, middle].mean(axis=1).argmax() for middle in middles]
    assert tops_px == [pytest.approx(row * height_px / 36, abs=2) for row in (4, 18)]


def test_the_page_needs_nothing_but_itself(published: Publish, folder_store: FolderStore) -> None:
    page = Page(render_diff(published(folder_store), folder_store))
    assert [target[:22] for target in page.targets] == ["data:image/jpeg;base64"] * 5
    assert page.tags.count("script") == 0


@pytest.mark.parametrize(
    ("n_samples", "n_figures", "heading"),
    [
        pytest.param(1, 1, f"added {1} ", id="one"),
        pytest.param(MAX_SHOWN, MAX_SHOWN, f"added {MAX_SHOWN} ", id="as many as are shown"),
        pytest.param(
            MAX_SHOWN + 25, MAX_SHOWN, f"added {MAX_SHOWN + 25}, {MAX_SHOWN} shown", id="more"
        ),
    ],
)
def test_of_many_samples_some_of_the_whole_list_are_shown(
    n_samples: int, n_figures: int, heading: str, folder_store: FolderStore
) -> None:
    after = {f"s{number:03d}": Shape() for number in range(n_samples)}
    page = Page(render_diff(_forged(folder_store, {}, after), folder_store))
    shown = [stem for stem in after if stem in page.text]
    assert (page.tags.count("figure"), len(shown)) == (n_figures, n_figures)
    assert heading in page.text
    assert n_samples - int(shown[-1][1:]) <= 2  # not only the beginning


@pytest.mark.parametrize("folder", ["img_dir", "ann_dir"])
def test_a_picture_that_is_gone_is_said_to_be(
    folder: str, published: Publish, any_store: ObjectStore
) -> None:
    diff = published(any_store)
    ending = "jpg" if folder == "img_dir" else "png"
    any_store.delete([f"{diff.before.prefix}{folder}/train/street-a.{ending}"])
    any_store.delete([f"{diff.before.prefix}{folder}/val/gone-a.{ending}"])
    page = Page(render_diff(diff, any_store))
    assert page.tags.count("figure") == 5
    assert _n_tiles(page) == {
        "new-a": 1, "street-a": 1, "cafe-a": 1, "cafe-b": 1,
    }  # fmt: skip
    assert "street-a mask changed; a picture is gone" in page.text
    assert "gone-a removed (val); a picture is gone" in page.text
    assert page.text.count("a picture is gone") == 2


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut"])
def test_a_damaged_picture_is_left_out(
    data: bytes, published: Publish, folder_store: FolderStore
) -> None:
    diff = published(folder_store)
    put(folder_store, f"{diff.after.prefix}img_dir/train/new-a.jpg", data)
    page = Page(render_diff(diff, folder_store))
    assert "new-a" not in _pictures(page)
    assert "new-a added (train); a picture is gone" in page.text


def test_samples_with_the_same_changes_stand_together_and_each_once(
    folder_store: FolderStore,
) -> None:
    before = dict.fromkeys("abcd", Shape())
    after = {"a": Shape("val", mask="new"), "b": Shape(mask="new"), "c": Shape("val", mask="new")}
    page = Page(render_diff(_forged(folder_store, before, after), folder_store))
    assert page.tags.count("figure") == 4
    for words in (
        " mask changed 1 ",
        " mask changed, split changed 2 ",
        " removed 1 ",
        " split changed 2 ",
    ):
        assert words in page.text
    for stem in "ac":
        assert page.text.count(f" {stem} mask changed; split changed from train to val") == 1


@pytest.mark.parametrize(
    "before",
    [
        pytest.param({"split": "val"}, id="split"),
        pytest.param({"scenes": ("night",)}, id="scenes"),
        pytest.param({"split": "val", "scenes": ("night",)}, id="both"),
    ],
)
def test_a_sample_that_looks_the_same_in_both_is_shown_once(
    before: dict[str, Any], published: Publish, folder_store: FolderStore
) -> None:
    diff = published(folder_store)
    (sample,) = (sample for sample in diff.samples if sample.stem == "cafe-a")
    assert sample.after is not None
    kind_of: dict[str, ChangeKind] = {
        "split": "split_changed",
        "scenes": "scenes_changed",
    }
    changed = sample._replace(
        before=replace(sample.after, **before),
        kinds=tuple(kind_of[name] for name in before),
    )
    assert changed.before != changed.after
    page = Page(render_diff(diff._replace(samples=[changed]), folder_store))
    assert _n_tiles(page) == {"cafe-a": 1}


def test_without_a_difference_the_page_says_so(folder_store: FolderStore) -> None:
    page = Page(render_diff(_forged(folder_store, {"s": Shape()}, {"s": Shape()}), folder_store))
    assert page.tags.count("figure") == 0
    assert "All samples are the same; cards or reports may differ." in page.text
    assert "1 samples before, 1 after, 1 the same in both." in page.text


def test_words_of_others_stay_words(folder_store: FolderStore) -> None:
    stem = "<b>&\"'"
    before, after = {stem: Shape()}, {stem: Shape(scenes=(EVIL,))}
    page = Page(render_diff(_forged(folder_store, before, after), folder_store))
    assert page.tags.count("script") == page.tags.count("b") == 0
    assert f"{stem} scenes none became {EVIL}" in page.text
