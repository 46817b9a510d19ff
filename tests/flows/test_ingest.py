"""The main job from end to end: real pictures, real models, an embedded Prefect server."""

import base64
import json
import pickle
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
import yaml

from flows.engine.run_record import RunRecord, load_run
from flows.ingest import ingest
from flows.publish import publish_run
from tasks.common.schema.tables import read_table
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.detect import detector
from tasks.matte import cache as matte_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def media(tmp_path: Path, bus_photo: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    copyfile(bus_photo, folder / "bus.jpg")
    return folder


def recipe_file(folder: Path, **changes: dict[str, Any]) -> str:
    values = {
        "name": "test",
        "sample": {"every_s": 2.0},
        "detect": {"model": "fall-yolov8s", "confidence": 0.5},
        "matte": {"model": "u2netp"},
        "filter": {"person_height_px": {"min": 80}, "frame_cut": {"max": 0.45}},
        "publish": {"date": "20261122", "note": "test", "val_share": 0.0},
    }
    for part, entries in changes.items():
        values[part] = {**values.get(part, {}), **entries}  # type: ignore[dict-item]
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def run(media: Path, recipe: str, publish: str = "complete") -> tuple[Any, RunRecord]:
    state = ingest(sources=str(media), recipe=recipe, publish=publish, return_state=True)
    return state, load_run(Workspace.of(settings()), None)


def forbid_models(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise AssertionError("a model was called")

    monkeypatch.setattr(detector, "_load", refuse)
    monkeypatch.setattr(matte_store, "matte", refuse)


def published_files(record: RunRecord) -> dict[str, bytes]:
    assert record.publication is not None
    folder = Path(record.publication.url.removeprefix("file://"))
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_photo_becomes_a_published_version_and_a_second_run_calls_no_model(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_file(tmp_path)
    state, first = run(media, recipe)
    assert state.is_completed()
    assert first.publication is not None
    assert first.publication.version == 1
    assert first.publication.n_samples >= 2
    forbid_models(monkeypatch)
    state, second = run(media, recipe)
    assert state.is_completed()
    assert second.publication is not None
    assert (second.publication.version, second.publication.is_new) == (1, False)


@pytest.mark.usefixtures("computed")
def test_a_new_threshold_calls_no_model_and_changes_the_verdicts(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, loose = run(media, recipe_file(tmp_path))
    forbid_models(monkeypatch)
    strict = recipe_file(tmp_path, filter={"subject_share": {"max": 0.45}})
    state, record = run(media, strict)
    assert state.is_completed()
    assert loose.publication is not None
    assert record.publication is not None
    assert record.publication.version == 2
    assert 0 < record.publication.n_samples < loose.publication.n_samples


@pytest.mark.usefixtures("computed")
def test_a_bad_source_fails_alone_and_the_rest_is_published_when_asked(
    media: Path, tmp_path: Path
) -> None:
    (media / "page.mp4").write_text("<!DOCTYPE html><html><body>404</body></html>")
    (media / "empty.mp4").write_bytes(b"")
    recipe = recipe_file(tmp_path)
    state, record = run(media, recipe, publish="complete")
    assert state.name == "PartialFailure"
    assert record.publication is None
    state, record = run(media, recipe, publish="partial")
    assert (state.is_failed(), state.name) == (True, "PartialFailure")
    assert {outcome.source.source_id for outcome in record.failed} == {"page.mp4", "empty.mp4"}
    assert "empty.mp4, page.mp4" in state.message
    assert record.publication is not None
    assert {outcome.failed_stage for outcome in record.failed} == {"download"}
    causes = {outcome.source.source_id: outcome.error for outcome in record.failed}
    assert causes["empty.mp4"] == "The file is empty (0 bytes)."
    assert "web page" in str(causes["page.mp4"])


def test_a_video_without_people_completes_and_says_so(
    tmp_path: Path, media: Path, bikes_clip: Path
) -> None:
    copyfile(bikes_clip, media / "bikes.mp4")
    nobody = recipe_file(tmp_path, detect={"model": "fall-yolov8s", "confidence": 0.99})
    state, record = run(media, nobody, publish="never")
    assert state.is_completed()
    workspace = settings().workspace
    detect = next(o.result("detect") for o in record.outcomes if o.source.source_id == "bikes.mp4")
    assert detect is not None
    path = workspace / "detect" / detect.key[:2] / detect.key / "drops.parquet"
    drops = read_table(path).to_pylist()
    assert (detect.n_in, detect.n_kept, len(drops)) == (5, 0, 5)
    assert {drop["reason"] for drop in drops} == {"no_person"}


@pytest.mark.usefixtures("computed")
def test_a_damaged_crop_is_noticed_and_made_anew_before_it_is_used(
    media: Path, tmp_path: Path
) -> None:
    recipe = recipe_file(tmp_path)
    _, first = run(media, recipe)
    before = published_files(first)
    crops = sorted((settings().workspace / "detect").rglob("*.png"))
    whole = [path.read_bytes() for path in crops]
    crops[0].unlink()
    crops[1].write_bytes(whole[1][:-40])
    state, second = run(media, recipe)
    assert state.is_completed()
    assert [path.read_bytes() for path in crops] == whole
    assert published_files(second) == before


class Bomb:
    """What a pickle can hold: a call that is made when it is loaded."""

    def __init__(self, path: Path):
        self._path = str(path)

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self._path, "w")


@pytest.mark.usefixtures("computed")
def test_a_cached_record_that_names_pickle_is_not_executed(media: Path, tmp_path: Path) -> None:
    recipe = recipe_file(tmp_path)
    run(media, recipe, "never")
    bomb = tmp_path / "exploded"
    records = sorted((settings().workspace / "results").glob("*/v*/*/*"))
    before = {path: path.read_bytes() for path in records}
    assert {path.parts[-4] for path in records} >= {"download", "sample", "detect", "filter"}
    for path in records:
        record = json.loads(path.read_bytes())
        record["metadata"]["serializer"] = {"type": "pickle", "picklelib": "cloudpickle"}
        record["result"] = base64.b64encode(pickle.dumps(Bomb(bomb))).decode()
        path.write_text(json.dumps(record))
    state, second = run(media, recipe, "never")
    assert state.is_completed()
    assert not bomb.exists()
    # And each is what it was: it is compared with the artifact's own result, byte for byte.
    assert {path: path.read_bytes() for path in records} == before
    assert not second.failed


@pytest.mark.usefixtures("computed")
def test_every_stage_accounts_for_every_item(media: Path, tmp_path: Path, bikes_clip: Path) -> None:
    copyfile(bikes_clip, media / "bikes.mp4")
    _, record = run(media, recipe_file(tmp_path), publish="never")
    for outcome in record.outcomes:
        for result in outcome.stages:
            assert result.n_in == result.n_kept + result.n_dropped, result
        crops, verdicts = outcome.result("detect"), outcome.result("filter")
        assert crops is not None
        assert verdicts is not None
        assert verdicts.n_in == crops.n_out


@pytest.mark.usefixtures("computed")
def test_what_a_run_kept_can_be_published_later(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, record = run(media, recipe_file(tmp_path), publish="never")
    assert record.publication is None
    forbid_models(monkeypatch)
    state = publish_run(return_state=True)
    assert state.is_completed()
    made = load_run(Workspace.of(settings()), record.run_id).publication
    assert made is not None
    assert made.version == 1


@pytest.mark.usefixtures("computed")
def test_a_run_is_published_by_stricter_bounds_as_an_ingest_by_them_would(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, record = run(media, recipe_file(tmp_path))
    strict = recipe_file(tmp_path, filter={"person_height_px": {"min": 505}})
    (media / "bus.jpg").rename(tmp_path / "away.jpg")  # a publication reads no source
    forbid_models(monkeypatch)
    state = publish_run(recipe=strict, return_state=True)
    assert state.is_completed(), state.message
    published = load_run(Workspace.of(settings()), None)
    assert published.run_id != record.run_id
    assert 0 < published.publication.n_samples < record.publication.n_samples  # type: ignore[union-attr]
    (tmp_path / "away.jpg").rename(media / "bus.jpg")
    _, ingested = run(media, strict)
    assert ingested.publication is not None
    assert ingested.publication.tree_id == published.publication.tree_id  # type: ignore[union-attr]
    assert not ingested.publication.is_new


@pytest.mark.usefixtures("computed")
def test_bounds_that_let_in_what_never_was_matted_need_an_ingest(
    media: Path, tmp_path: Path
) -> None:
    _, record = run(media, recipe_file(tmp_path, filter={"person_height_px": {"min": 505}}))
    loose = recipe_file(tmp_path, filter={"person_height_px": {"min": 80}})
    state = publish_run(recipe=loose, return_state=True)
    assert (state.name, "have no matte" in str(state.message)) == ("BadInput", True)
    other = recipe_file(tmp_path, sample={"every_s": 1.0})
    state = publish_run(run=record.run_id, recipe=other, return_state=True)
    assert (state.name, "a different sample part" in str(state.message)) == ("BadInput", True)


@pytest.mark.parametrize(
    ("sources", "recipe", "said"),
    [
        pytest.param("nowhere", "demo", "There is no 'nowhere'", id="no such list"),
        pytest.param("demo", "nothing", "There is no recipe 'nothing'", id="no such recipe"),
    ],
)
def test_a_bad_request_is_refused_before_any_work(sources: str, recipe: str, said: str) -> None:
    state = ingest(sources=sources, recipe=recipe, return_state=True)
    assert (state.name, said in str(state.message)) == ("BadInput", True)
    assert not (settings().workspace / "download").exists()


@pytest.mark.usefixtures("computed")
def test_batches_grow_one_subset_and_the_second_moves_nobody(
    media: Path, tmp_path: Path, bikes_clip: Path
) -> None:
    part = {"accumulate": True, "val_share": 0.5}
    _, first = run(media, recipe_file(tmp_path, publish=part))
    (media / "bus.jpg").rename(tmp_path / "bus.jpg")
    copyfile(bikes_clip, media / "bikes.mp4")
    state, second = run(media, recipe_file(tmp_path, publish=part))
    assert state.is_completed(), state.message
    before, after = published_files(first), published_files(second)
    images = {name for name in before if name.startswith(("img_dir/", "ann_dir/"))}
    assert images < after.keys()
    assert {name: after[name] for name in images} == {name: before[name] for name in images}
    alone = recipe_file(tmp_path, publish={"val_share": 0.5, "note": "two"})
    state = publish_run(run=second.run_id, recipe=alone, also=[first.run_id], return_state=True)
    assert state.is_completed(), state.message
    together = published_files(load_run(Workspace.of(settings()), None))
    assert sorted(name for name in together if name.startswith("img_dir/")) == sorted(
        name for name in after if name.startswith("img_dir/")
    )
