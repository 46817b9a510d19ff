"""Other people in a published picture are ignored, never taught as background."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError
from tasks.common.media.images import Mask, encode_png
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import Pose, RunCrop
from tasks.common.schema.views import View
from tasks.common.store.folder import FolderStore
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.dataset.encode import read_sample
from tasks.dataset.other_people import frames_of, other_people
from tasks.export.samples import Version
from tasks.export.task import export_version
from tasks.publish.read import read_samples
from tasks.publish.registry import VersionRegistry
from tests.dataset.builders import judged, person_mask, source
from tests.dataset.crops import Crop as CropExample
from tests.dataset.trees import NAME, push, read_tree, tree_of
from tests.deduplicate.builders import run_crop, run_crops

# The crop at hand covers these px of the frame; its neighbour stands at the right, half outside.
AREA = Box(100, 100, 200, 300)
NEIGHBOUR = Box(160.4, 120.2, 239.7, 279.5)
NEIGHBOURS_AREA = Box(140, 100, 260, 300)


def png(workspace: Workspace, pixels: Mask) -> dict[str, str]:
    """Write a picture; return its path and digest under the names that rows have."""
    data = encode_png(pixels)
    out = ArtifactWriter(workspace, "pose", content_key(data.hex()))
    path, digest = out.put("picture.png", data)
    return {"path": path, "digest": digest}


def at(name: str, person: Box, area: Box, *others: Box, **facts: Any) -> RunCrop:
    """Return a crop without files, of the frame that all crops of a source are of."""
    row = run_crop("a", CropExample(name, has_matte=False))
    crop = replace(
        row.crop, person_box_xyxy=person, crop_box_xyxy=area, others_xyxy=others, **facts
    )
    return replace(row, crop=crop)


def with_pose(row: RunCrop, workspace: Workspace, body: Mask) -> RunCrop:
    """Return the crop with a pose whose mask, 0 and 255, is `body`."""
    file = png(workspace, body)
    pose = Pose(row.stem, (), (), file["path"], file["digest"], "blazepose-full", "")
    return replace(row, pose=pose)


def ellipse_in(box: Box, area: Box) -> Mask:
    """Return a person of the extent of a box: uint8 (H, W) of the area, 0 and 255."""
    ys, xs = np.mgrid[: int(area.height), : int(area.width)] + 0.5
    inner = box.within(area)
    across = (xs - (inner.x0 + inner.x1) / 2) / (inner.width / 2)
    down = (ys - (inner.y0 + inner.y1) / 2) / (inner.height / 2)
    return np.where(across**2 + down**2 <= 1, 255, 0).astype(np.uint8)


ME = at("a", Box(110, 110, 170, 290), AREA, NEIGHBOUR)


def test_nobody_else_ignores_nothing(tmp_path: Path) -> None:
    alone = at("a", Box(110, 110, 170, 290), AREA, Box(300, 0, 350, 90))  # beside the crop
    found = other_people(alone, [alone], Workspace(tmp_path))
    assert found.shape == (200, 100)
    assert not found.any()


def test_a_person_of_whom_only_a_box_is_known_is_that_box(tmp_path: Path) -> None:
    found = other_people(ME, [ME], Workspace(tmp_path))
    wanted = np.zeros((200, 100), np.uint8)
    wanted[20:180, 60:] = 1  # 120..280, 160..200 of the frame, in px of the crop
    assert np.array_equal(found, wanted)


def test_a_person_of_whom_the_outline_is_known_is_that_outline_widened(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    body = ellipse_in(NEIGHBOUR, NEIGHBOURS_AREA)
    other = with_pose(at("b", NEIGHBOUR, NEIGHBOURS_AREA), workspace, body)
    found = other_people(ME, [ME, other], workspace)
    seen = body[:, 0:60] > 0  # 140..200 of the frame are 40..100 of the crop
    assert not found[:, :40].any()
    assert found[:, 40:][seen].all()
    widened = int(found.sum()) - int(np.count_nonzero(seen))
    assert 0 < widened < 0.5 * np.count_nonzero(seen)
    assert found.sum() < 40 * 160  # and less than the box


@pytest.mark.parametrize(
    "shown",
    [Box(150, 110, 180, 140), Box(100, 100, 250, 300).intersection(NEIGHBOURS_AREA)],
    ids=["a part of them", "somebody else"],
)
def test_an_outline_of_another_extent_is_not_trusted(shown: Box, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    body = ellipse_in(shown, NEIGHBOURS_AREA)
    if shown.height > 100:
        body[:, 60:] = 0  # only the part beside the neighbour
    other = with_pose(at("b", NEIGHBOUR, NEIGHBOURS_AREA), workspace, body)
    found = other_people(ME, [ME, other], workspace)
    assert found[20:180, 60:].all()


def test_a_drawn_outline_is_exact(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    drawn = np.zeros((200, 120), np.uint8)
    drawn[50:60, 30:40] = 1
    file = png(workspace, drawn)
    other = at(
        "b", NEIGHBOUR, NEIGHBOURS_AREA, given_path=file["path"], given_digest=file["digest"]
    )
    found = other_people(ME, [ME, other], workspace)
    wanted = np.zeros((200, 100), np.uint8)
    wanted[50:60, 70:80] = 1
    assert np.array_equal(found, wanted)


def test_a_file_of_a_neighbour_that_changed_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    other = with_pose(
        at("b", NEIGHBOUR, NEIGHBOURS_AREA), workspace, ellipse_in(NEIGHBOUR, NEIGHBOURS_AREA)
    )
    assert other.pose is not None
    assert other.pose.mask_path is not None
    workspace.path(other.pose.mask_path).write_bytes(encode_png(np.zeros((2, 2), np.uint8)))
    with pytest.raises(ArtifactError, match="changed since it was judged"):
        other_people(ME, [ME, other], workspace)


def test_the_outline_in_another_view_of_a_sphere_is_at_another_place(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    here, there = (View("rectilinear", yaw, 0.0, 40.0) for yaw in (0.0, 30.0))
    me = at("a", Box(110, 110, 170, 290), AREA, NEIGHBOUR, view=here)
    body = ellipse_in(NEIGHBOUR, NEIGHBOURS_AREA)
    other = with_pose(at("b", NEIGHBOUR, NEIGHBOURS_AREA, view=there), workspace, body)
    assert other_people(me, [me, other], workspace)[20:180, 60:].all()  # the box


def test_frames_are_told_apart() -> None:
    here, there = at("a", NEIGHBOUR, AREA), at("b", NEIGHBOUR, AREA, frame_id="another")
    frames = frames_of([here, there])
    assert [row.stem for row in frames["another"]] == [there.stem]
    assert frames[here.crop.frame_id] == [here]


# What the builders publish: the crop is 10..42 and 10..50 of the frame, its cut 14..38 and 12..48.
BESIDE = Box(30, 20, 44, 30)


def published(workspace: Workspace, **changes: Any) -> dict[str, bytes]:
    crop = CropExample("a", others_xyxy=(BESIDE,))
    return read_tree(workspace, judged(workspace, source("street"), [crop]), **changes)


def test_the_annotation_the_table_and_the_card_know_ignored_pixels(tmp_path: Path) -> None:
    tree = published(Workspace(tmp_path))
    mask = np.asarray(Image.open(io.BytesIO(tree["ann_dir/train/street-a.png"])))
    wanted = person_mask()[2:38, 4:28].copy()
    box = wanted[8:18, 16:24]  # 20..30 and 30..38 of the frame
    box[box == 0] = 255  # the mask's own pixels stay
    assert np.array_equal(mask, wanted)
    share = np.mean(wanted == 255)
    (row,) = csv.DictReader(tree["samples.csv"].decode().splitlines())
    assert float(row["ignored_share"]) == pytest.approx(share, abs=1e-6)
    ignored = json.loads(tree["dataset.json"])["ignored"]
    assert ignored == {"value": 255, "n_samples": 1, "share": pytest.approx(share, abs=1e-6)}
    assert f"of all pixels {100 * share:.1f} % are ignored" in tree["README.md"].decode()
    assert "ignore_index = 255" in tree["mmseg_config.py"].decode()


def test_a_recipe_can_ignore_nothing(tmp_path: Path) -> None:
    tree = published(Workspace(tmp_path), ignore=[])
    mask = np.asarray(Image.open(io.BytesIO(tree["ann_dir/train/street-a.png"])))
    assert np.array_equal(mask, person_mask()[2:38, 4:28])
    assert "Images with ignored pixels" not in tree["README.md"].decode()


def test_without_the_frame_a_sample_is_read_as_its_mask(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    outcome = judged(workspace, source("a"), [CropExample("a", others_xyxy=(BESIDE,))])
    (crop,) = run_crops(workspace, outcome).crops
    assert set(np.unique(read_sample(crop, workspace)[1])) == {0, 1}
    assert set(np.unique(read_sample(crop, workspace, [crop])[1])) == {0, 1, 255}


def test_coco_gives_ignored_pixels_as_a_crowd(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    store = FolderStore(tmp_path / "store" / "subsets")
    crops = [CropExample("a", others_xyxy=(BESIDE,)), CropExample("b")]
    push(tree_of(workspace, (judged(workspace, source("street"), crops),)), workspace, store)
    registry = VersionRegistry(store)
    commit = registry.resolve(NAME)
    version = Version(commit.label, commit.tree, commit.prefix, read_samples(registry, commit))
    done = export_version(store, version, "coco", tmp_path)
    coco = COCO(str(done.folder / "annotations" / "instances_train.json"))
    # One id each: the person of the first picture, what is ignored there, the second picture's.
    annotations = coco.loadAnns(coco.getAnnIds())
    assert [(one["id"], one["image_id"], one["iscrowd"]) for one in annotations] == [
        (1, 1, 0),
        (2, 1, 1),
        (3, 2, 0),
    ]
    mask = np.asarray(
        Image.open(io.BytesIO(store.get(f"{version.prefix}ann_dir/train/street-a.png") or b""))
    )
    assert np.array_equal(coco.annToMask(annotations[1]) == 1, mask == 255)
