"""Pictures that bring their annotation go through all stages without a model."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.common.media.images import read_grey
from tasks.common.recipe.models import DetectRecipe, DownloadRecipe, MatteRecipe, SampleRecipe
from tasks.common.records import AdmittedTable, CropsTable, Source, SourceOutcome
from tasks.common.schema.rows import Admitted
from tasks.common.schema.tables import plain_rows
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.detect import stage as detect_stage
from tasks.detect.stage import detect_key, detect_people
from tasks.download.fetch import download_key
from tasks.download.sources.read import read_sources
from tasks.download.task import fetch_source
from tasks.filter.stage import filter_crops, screen_crops
from tasks.matte import cache as matte_store
from tasks.matte.stage import matte_crops
from tasks.publish.task import open_registry
from tasks.sample.stage import sample_key, sample_media
from tests.dataset.published import publish_without_prefect
from tests.flows.builders import recipe_of

pytestmark = pytest.mark.service  # the sandbox, a child process

LEFT, RIGHT = (20, 30, 60, 110), (90, 20, 130, 115)  # x0, y0, x1, y1 in px
DETECT = DetectRecipe(model="fall-yolov8s", context=0.1)


@pytest.fixture(autouse=True)
def _no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise AssertionError("a model was called")

    monkeypatch.setattr(detect_stage, "find_people", refuse)
    monkeypatch.setattr(matte_store, "matte", refuse)


def outline(box: tuple[int, int, int, int]) -> list[list[int]]:
    x0, y0, x1, y1 = box
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


def coco_source(folder: Path) -> Source:
    pixels = np.random.default_rng(1).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    (folder / "images").mkdir()
    Image.fromarray(pixels).save(folder / "images" / "a.png")
    values = {
        "images": [{"id": 1, "file_name": "a.png", "width": 160, "height": 120}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "segmentation": outline(box)} for box in (RIGHT, LEFT)
        ],
        "categories": [{"id": 1, "name": "person"}],
    }
    (folder / "instances.json").write_text(json.dumps(values))
    (folder / "l.yaml").write_text("{coco: instances.json, images: images}")
    (source,) = read_sources(str(folder / "l.yaml"))
    return source


def out(stage: Any, key: str) -> ArtifactWriter:
    return ArtifactWriter(Workspace.of(settings()), stage, key)


def crops_of(source: Source) -> CropsTable:
    recipe, sampling = DownloadRecipe(), SampleRecipe()
    media = fetch_source(out("download", download_key(source, recipe)), source, recipe)
    key = sample_key(media, sampling)
    frames = sample_media(out("sample", key), source, media, sampling)
    return detect_people(out("detect", detect_key(frames, DETECT)), source, frames, DETECT)


def test_boxes_and_masks_are_those_that_people_drew(tmp_path: Path) -> None:
    workspace = Workspace.of(settings())
    source = coco_source(tmp_path)
    crops = crops_of(source)
    rows = plain_rows(workspace.items(crops))
    assert [json.loads(row["person_box_xyxy"]) for row in rows] == [list(LEFT), list(RIGHT)]
    assert [json.loads(row["others_xyxy"]) for row in rows] == [[list(RIGHT)], [list(LEFT)]]
    assert {row["confidence"] for row in rows} == {1.0}
    names = [row["crop_id"] for row in rows]
    admitted = AdmittedTable(
        out("screen", "a" * 40).commit_rows(Admitted, map(Admitted, names), [], n_in=len(names))
    )
    recipe = MatteRecipe(model="u2netp")
    made = matte_crops(out("matte", "b"), source, crops, admitted, recipe)
    mattes = plain_rows(workspace.items(made))
    assert [row["channel"] for row in mattes] == ["coco", "coco"]
    for row, crop, box in zip(mattes, rows, (LEFT, RIGHT), strict=True):
        left, top, right, bottom = json.loads(crop["crop_box_xyxy"])
        expected = np.zeros((120, 160), np.uint8)
        expected[box[1] : box[3], box[0] : box[2]] = 1
        mask = read_grey(workspace.path(row["mask_path"]))
        assert np.array_equal(mask, expected[top:bottom, left:right])
        alpha = read_grey(workspace.path(row["alpha_path"]))
        assert np.array_equal(alpha, 255 * mask)


def test_samples_are_judged_and_published_with_the_channel_of_the_data_set(tmp_path: Path) -> None:
    workspace, source = Workspace.of(settings()), coco_source(tmp_path)
    recipe = recipe_of(("frame_cut: {max: 0.5} # portraits may be cut", "person_overlap: {max: 0}"),
                       ("  sharpness: {min: 0.4, review_min: 0.5}\n", ""))  # fmt: skip
    crops = crops_of(source)
    screened = screen_crops(out("screen", "a" * 40), source, crops, None, recipe.filter)
    mattes = matte_crops(out("matte", "b" * 40), source, crops, screened, recipe.matte)
    verdicts = filter_crops(out("filter", "c" * 40), source, crops, None, mattes, recipe.filter)
    outcome = SourceOutcome(source=source, stages=(crops, screened, mattes, verdicts))
    now = datetime(2026, 11, 25, tzinfo=UTC)
    made = publish_without_prefect((outcome,), recipe, settings().store, now)
    registry = open_registry(settings().store)
    files = registry.files(registry.resolve(made.name)) or []
    origins = {
        (file.channel, file.provenance.listing, file.provenance.entry)
        for file in files
        if file.split
    }
    assert made.n_samples == 2
    assert origins == {("coco", "coco", "1")}
    data = registry.store.get(f"{registry.resolve(made.name).prefix}dataset.json") or b""
    assert json.loads(data)["channels"] == {"coco": 2}
    assert workspace.drops(verdicts).empty
