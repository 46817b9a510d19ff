"""Lists of every kind, mixed; COCO and Custom data sets with the annotations they bring."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from tasks.common.errors import InputError, SourceError
from tasks.common.media.images import UNOUTLINED, encode_png, read_grey
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Source
from tasks.common.schema.rows import Frame
from tasks.common.schema.tables import plain_rows
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.detect.labelled import labelled_people
from tasks.download.fetch import download_key, fetch
from tasks.download.seen import SeenSources
from tasks.download.sources.read import read_listing, read_sources
from tests.download.fetching import png
from tests.download.test_labels import SQUARE


def bring(source: Source) -> dict[str, Any]:
    workspace, recipe = Workspace.of(settings()), DownloadRecipe()
    out = ArtifactWriter(workspace, "download", download_key(source, recipe))
    (row,) = plain_rows(workspace.items(fetch(source, recipe, settings(), out)))
    return row


def labels_of(row: dict[str, Any]) -> Any:
    return read_grey(Workspace.of(settings()).path(row["labels_path"]))


def write_list(folder: Path, entries: list[dict[str, Any]], name: str = "l.yaml") -> str:
    (folder / name).write_text(yaml.safe_dump({"sources": entries}))
    return str(folder / name)


def coco(folder: Path, people: list[dict[str, Any]], size_wh: tuple[int, int] = (40, 30)) -> None:
    (folder / "images").mkdir(exist_ok=True)
    (folder / "images" / "0001.png").write_bytes(png(size_wh))
    annotations = [{"id": n, "image_id": 7, "category_id": 1} | one for n, one in enumerate(people)]
    values = {
        "images": [
            {"id": 7, "file_name": "0001.png", "width": 40, "height": 30, "license": 3},
            {"id": 8, "file_name": "empty.png", "width": 40, "height": 30},
        ],
        "annotations": [*annotations, {"image_id": 8, "category_id": 2, "segmentation": [SQUARE]}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "licenses": [{"id": 3, "name": "CC-BY-2.0"}],
    }
    (folder / "instances.json").write_text(json.dumps(values))


def custom(folder: Path, codes: Any) -> None:
    for kind in ("img_dir", "ann_dir"):
        (folder / kind / "train").mkdir(parents=True)
    (folder / "img_dir" / "train" / "a.jpg").write_bytes(png((6, 4)))
    Image.fromarray(np.asarray(codes, np.uint8)).save(folder / "ann_dir" / "train" / "a.png")


def test_a_list_may_mix_every_kind_of_place(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("a.mp4", "b.jpg"):
        (tmp_path / "clips" / name).write_bytes(b"x")
    coco(tmp_path, [{"segmentation": [SQUARE]}])
    custom(tmp_path / "old", np.ones((4, 6)))
    (tmp_path / "more.csv").write_text("source_id,uri\nweb,https://h/x.mp4\n")
    path = write_list(
        tmp_path,
        [
            {"source_id": "one", "uri": "clips/a.mp4"},
            {"folder": "clips", "patterns": ["*.mp4"], "prefix": "f-", "licence": "CC0"},
            {"list": "more.csv"},
            {"coco": "instances.json", "images": "images", "batch": "coco"},
            {"custom": "old", "name": "team-v1"},
        ],
    )
    sources = read_sources(path)
    assert [source.source_id for source in sources] == [
        "one",
        "f-a.mp4",
        "web",
        "0001.png",
        sources[4].source_id,
    ]
    assert sources[1].licence == "CC0"
    assert (sources[3].licence, sources[3].batch, sources[3].entry) == ("CC-BY-2.0", "coco", "7")
    assert sources[4].source_id.startswith("team-v1-train-a.jpg")
    channels = [source.annotation and source.annotation.channel for source in sources]
    assert channels == [None, None, None, "coco", "custom team-v1"]


def test_a_parquet_list_is_read_like_a_csv(tmp_path: Path) -> None:
    rows = [{"source_id": "a", "uri": "b.mp4", "scenes": ["street", "night"], "licence": None}]
    pd.DataFrame(rows).to_parquet(tmp_path / "l.parquet")
    assert read_sources(str(tmp_path / "l.parquet")) == (
        Source(source_id="a", uri=str(tmp_path / "b.mp4"), scenes=("street", "night")),
    )


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        pytest.param([{"folder": "nowhere"}], "There is no folder", id="no folder"),
        pytest.param([{"folder": ".", "patterns": ["*.mkv"]}], r"matches \*\.mkv", id="pattern"),
        pytest.param([{"folder": ".", "pattern": "x"}], "unknown key", id="wrong key"),
        pytest.param([{"list": "gone.csv"}], "There is no list", id="no list"),
        pytest.param([{"list": "l.yaml"}], "more than 5 deep", id="list of itself"),
        pytest.param([{"coco": "gone.json", "images": "."}], "cannot be read", id="no COCO"),
        pytest.param([{"coco": "l.yaml", "images": "."}], "cannot be read as JSON", id="no JSON"),
        pytest.param([{"coco": "a.json", "images": "."}], "is not COCO instances", id="other JSON"),
        pytest.param([{"custom": "."}], "is no Custom folder", id="no Custom folder"),
        pytest.param(
            [{"folder": "."}, {"folder": "."}], "kept apart by its 'prefix'", id="same ids"
        ),
    ],
)
def test_a_wrong_entry_is_refused_with_a_sentence(
    tmp_path: Path, entries: list[dict[str, Any]], said: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "a.json").write_text('{"images": [], "annotations": 7}')
    with pytest.raises(InputError, match=said):
        read_sources(write_list(tmp_path, entries))


@pytest.mark.service
def test_a_picture_of_coco_comes_with_the_labels_that_were_drawn(tmp_path: Path) -> None:
    coco(tmp_path, [{"segmentation": [SQUARE]}, {"segmentation": [[0, 0, 4, 0, 4, 30, 0, 30]]}])
    (source,) = read_sources(write_list(tmp_path, [{"coco": "instances.json", "images": "images"}]))
    row = bring(source)
    expected = np.zeros((30, 40), np.uint8)
    expected[:, :4], expected[10:20, 10:20] = 1, 2
    assert np.array_equal(labels_of(row), expected)
    assert row["channel"] == "coco"


@pytest.mark.service
def test_pictures_with_a_crowd_are_left_out_unless_wanted(tmp_path: Path) -> None:
    crowd = {"segmentation": {"size": [30, 40], "counts": [1100, 100]}, "iscrowd": 1}
    coco(tmp_path, [{"segmentation": [SQUARE]}, crowd])
    entry = {"coco": "instances.json", "images": "images"}
    with pytest.raises(InputError, match="no picture with an outlined person"):
        read_sources(write_list(tmp_path, [entry]))
    (source,) = read_sources(write_list(tmp_path, [entry | {"crowds": True}]))
    labels = labels_of(bring(source))
    assert np.count_nonzero(labels == 1) == 100
    assert np.count_nonzero(labels == UNOUTLINED) == 100


def test_a_picture_outside_of_its_folder_is_refused(tmp_path: Path) -> None:
    coco(tmp_path, [{"segmentation": [SQUARE]}])
    text = (tmp_path / "instances.json").read_text().replace("0001.png", "../../etc/passwd")
    (tmp_path / "instances.json").write_text(text)
    with pytest.raises(InputError, match="lies outside of"):
        read_sources(write_list(tmp_path, [{"coco": "instances.json", "images": "images"}]))


@pytest.mark.service
def test_an_annotation_of_another_size_than_its_picture_is_refused(tmp_path: Path) -> None:
    coco(tmp_path, [{"segmentation": [SQUARE]}], size_wh=(30, 40))
    (source,) = read_sources(write_list(tmp_path, [{"coco": "instances.json", "images": "images"}]))
    with pytest.raises(
        SourceError, match=r"annotation has 40 x 30 px, the upright picture 30 x 40"
    ):
        bring(source)


@pytest.mark.service
@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_annotated_picture_that_exif_turns_is_refused(tmp_path: Path, orientation: int) -> None:
    custom(tmp_path / "old", np.ones((6, 6)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (6, 6)).save(tmp_path / "old/img_dir/train/a.jpg", exif=exif)
    (source,) = read_sources(write_list(tmp_path, [{"custom": "old"}]))
    with pytest.raises(SourceError, match=f"orientation {orientation}"):
        bring(source)


@pytest.mark.service
@pytest.mark.parametrize(
    ("codes", "person", "expected"),
    [
        pytest.param([[0, 1, 1], [2, 255, 1]], [1], [[0, 1, 1], [0, 0, 1]], id="0, 1 and ignored"),
        pytest.param([[0, 15, 7], [0, 0, 0]], [15, 7], [[0, 1, 1], [0, 0, 0]], id="other codes"),
    ],
)
def test_a_custom_folder_brings_its_masks(
    tmp_path: Path, codes: Any, person: list[int], expected: Any
) -> None:
    custom(tmp_path / "old", codes)
    (tmp_path / "old" / "img_dir" / "train" / "a.jpg").write_bytes(png((3, 2)))
    (source,) = read_sources(write_list(tmp_path, [{"custom": "old", "person": person}]))
    row = bring(source)
    assert labels_of(row).tolist() == expected
    assert (row["channel"], source.entry) == ("custom old", "train/a.jpg")


@pytest.mark.service
def test_a_mask_that_labels_no_person_or_is_missing_is_refused(tmp_path: Path) -> None:
    custom(tmp_path / "old", np.zeros((4, 6)))
    (source,) = read_sources(write_list(tmp_path, [{"custom": "old"}]))
    with pytest.raises(SourceError, match="labels no person"):
        bring(source)
    (tmp_path / "old" / "ann_dir" / "train" / "a.png").unlink()
    with pytest.raises(InputError, match=r"for train/a.jpg it would be .*a.png"):
        read_sources(write_list(tmp_path, [{"custom": "old"}]))


def test_a_corrected_mask_is_another_source_state(tmp_path: Path) -> None:
    custom(tmp_path / "old", np.ones((4, 6)))
    (before,) = read_sources(write_list(tmp_path, [{"custom": "old"}]))
    Image.fromarray(np.eye(4, 6, dtype=np.uint8)).save(tmp_path / "old/ann_dir/train/a.png")
    (after,) = read_sources(write_list(tmp_path, [{"custom": "old"}]))
    recipe = DownloadRecipe()
    assert before.source_id == after.source_id
    assert download_key(before, recipe) != download_key(after, recipe)


@pytest.mark.service
def test_a_renamed_file_keeps_its_id_and_an_edited_one_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.png").write_bytes(png())
    (before,) = read_sources(str(folder))
    bring(before)
    seen = SeenSources(Workspace.of(settings()))
    assert seen.status(before) == "known"
    (folder / "a.png").rename(folder / "renamed.png")
    (after,) = read_sources(str(folder))
    assert (after.source_id, Path(after.uri).name) == ("a.png", "renamed.png")
    bring(after)
    assert read_sources(str(folder)) == (after,)  # and stays so
    assert seen.status(after) == "known"
    (folder / "renamed.png").write_bytes(png((9, 9)))
    (edited,) = read_sources(str(folder))
    assert edited.source_id == "renamed.png"
    assert seen.status(edited) == "new"


@pytest.mark.service
def test_a_copy_is_a_source_of_its_own_with_the_same_media(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.png").write_bytes(png())
    (first,) = read_sources(str(folder))
    media_id = bring(first)["media_id"]
    (folder / "b.png").write_bytes(png())
    first, second = read_sources(str(folder))
    assert (first.source_id, second.source_id) == ("a.png", "b.png")
    assert bring(second)["media_id"] == media_id
    providers = SeenSources(Workspace.of(settings())).with_media(media_id)
    assert [known.source.source_id for known in providers] == ["a.png", "b.png"]


def test_a_picture_without_a_mask_costs_only_itself(tmp_path: Path) -> None:
    custom(tmp_path / "old", np.ones((4, 6)))
    (tmp_path / "old" / "img_dir" / "train" / "b.jpg").write_bytes(png((6, 4)))
    listing = read_listing(write_list(tmp_path, [{"custom": "old"}]))
    assert [source.entry for source in listing.sources] == ["train/a.jpg"]
    assert listing.skipped == ("1 skipped: pictures without a mask: train/b.jpg.",)


@pytest.mark.parametrize(
    ("picture", "mask", "keys"),
    [
        ("a.jpg", "a_mask.png", {"mask_suffix": "_mask.png"}),
        ("a.v2.1.jpg", "a.v2.1.png", {}),
        (
            "a_leftImg8bit.png",
            "a_gtFine_labelTrainIds.png",
            {"image_suffix": "_leftImg8bit.png", "mask_suffix": "_gtFine_labelTrainIds.png"},
        ),
    ],
)
def test_masks_may_end_otherwise(
    tmp_path: Path, picture: str, mask: str, keys: dict[str, str]
) -> None:
    for kind, name in (("img_dir", picture), ("ann_dir", mask)):
        (tmp_path / "old" / kind).mkdir(parents=True)
        (tmp_path / "old" / kind / name).write_bytes(png())
    (source,) = read_sources(write_list(tmp_path, [{"custom": "old", **keys}]))
    assert source.entry == picture


@pytest.mark.service
def test_a_mask_of_other_codes_names_them(tmp_path: Path) -> None:
    custom(tmp_path / "old", [[0, 255, 255]])
    (source,) = read_sources(write_list(tmp_path, [{"custom": "old"}]))
    with pytest.raises(SourceError, match="its codes are 0, 255, and those that mean person 1"):
        bring(source)


@pytest.mark.service
@pytest.mark.parametrize(
    ("orientation", "is_turned"), [(0, False), (6, True), (8, True), (6, False), (9, False)]
)
def test_annotations_follow_a_quarter_turn(
    tmp_path: Path, orientation: int, is_turned: bool
) -> None:
    stored = np.zeros((4, 6), np.uint8)
    stored[0, :2] = 1
    upright = np.rot90(stored, {6: 3, 8: 1}.get(orientation, 0))
    # `is_turned`: the mask is drawn on the stored picture, which EXIF turns.
    custom(tmp_path / "old", stored if is_turned else upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (6, 4)).save(tmp_path / "old/img_dir/train/a.jpg", exif=exif)
    (source,) = read_sources(write_list(tmp_path, [{"custom": "old"}]))
    assert labels_of(bring(source)).tolist() == upright.tolist()


BOX = {"bbox": [30, 5, 6, 8]}


@pytest.mark.service
@pytest.mark.parametrize("segmentation", [[], [[30, 5, 36, 13]], None])
def test_a_person_with_a_box_only_is_to_be_ignored(tmp_path: Path, segmentation: Any) -> None:
    coco(tmp_path, [{"segmentation": [SQUARE]}, {"segmentation": segmentation, **BOX}])
    (source,) = read_sources(write_list(tmp_path, [{"coco": "instances.json", "images": "images"}]))
    labels = labels_of(bring(source))
    assert np.count_nonzero(labels == 1) == 100
    assert np.count_nonzero(labels == UNOUTLINED) == 48


def test_a_person_who_is_nowhere_leaves_the_picture_out(tmp_path: Path) -> None:
    coco(tmp_path, [{"segmentation": [SQUARE]}, {"segmentation": []}])
    with pytest.raises(InputError, match="1 skipped: pictures with people who have no outline"):
        read_sources(write_list(tmp_path, [{"coco": "instances.json", "images": "images"}]))


def test_unlabelled_people_are_others_of_each_crop(tmp_path: Path) -> None:
    labels = np.zeros((30, 40), np.uint8)
    labels[10:20, 10:20], labels[5:13, 30:36], labels[25:28, 0:4] = 1, UNOUTLINED, UNOUTLINED
    workspace = Workspace.of(settings())
    workspace.write("l.png", encode_png(labels))
    frame = Frame("f", "m", 0.0, 40, 30, "flat", "f.jpg", "", "l.png", "")
    (people,) = labelled_people([frame], workspace)
    assert [person.label for person in people.persons] == [1]
    assert {box.xyxy for box in people.unoutlined} == {(30, 5, 36, 13), (0, 25, 4, 28)}


@pytest.mark.parametrize(
    "name",
    ["images\\\\0001.png", "../../label-studio/media/upload/4/0001.png", "sub/%30001.png"],
)
def test_names_of_other_tools_are_found(tmp_path: Path, name: str) -> None:
    coco(tmp_path, [{"segmentation": [SQUARE]}])
    text = (tmp_path / "instances.json").read_text().replace("0001.png", name)
    (tmp_path / "instances.json").write_text(text)
    (source,) = read_sources(write_list(tmp_path, [{"coco": "instances.json", "images": "images"}]))
    assert Path(source.uri) == tmp_path / "images" / "0001.png"


def test_categories_and_ids_of_other_tools(tmp_path: Path) -> None:
    coco(tmp_path, [{"segmentation": [SQUARE], "image_id": "7"}])
    entry = {"coco": "instances.json", "images": "images"}
    assert len(read_sources(write_list(tmp_path, [entry]))) == 1
    text = (tmp_path / "instances.json").read_text().replace('"person"', '"Person"')
    (tmp_path / "instances.json").write_text(text)
    with pytest.raises(InputError, match=r"Its categories: Person, dog; .*`category`"):
        read_sources(write_list(tmp_path, [entry]))
    assert len(read_sources(write_list(tmp_path, [entry | {"category": "Person"}]))) == 1
