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
from tasks.common.media.images import read_grey
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Source
from tasks.common.schema.tables import plain_rows
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.download.fetch import download_key, fetch
from tasks.download.seen import SeenSources
from tasks.download.sources.read import read_sources
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
    crowd = {"segmentation": {"size": [30, 40], "counts": [1200]}, "iscrowd": 1}
    coco(tmp_path, [{"segmentation": [SQUARE]}, crowd])
    entry = {"coco": "instances.json", "images": "images"}
    with pytest.raises(InputError, match="no picture with a person"):
        read_sources(write_list(tmp_path, [entry]))
    (source,) = read_sources(write_list(tmp_path, [entry | {"crowds": True}]))
    assert np.count_nonzero(labels_of(bring(source))) == 100


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
    with pytest.raises(InputError, match="A picture has no mask"):
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
