"""A curator's decision from a key press to the next version, and through another recipe."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from flows.engine.decisions import decisions_on, record
from flows.engine.derived import find_derived
from flows.engine.reuse import read_run_crops
from flows.engine.run_record import RunRecord, load_run
from flows.preview import preview
from flows.publish import publish_run
from flows.takedown import take_down
from tasks.common.errors import InputError
from tasks.common.schema.decisions import Action, Decision, decide, undo
from tasks.common.schema.rows import RunCrop
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.decisions import DecisionLog
from tasks.publish.task import open_registry
from tests.flows.builders import exit_code
from tests.flows.test_ingest import forbid_models, published_files, recipe_file, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server", "computed")]

NOW = datetime(2026, 11, 29, 9, tzinfo=UTC)


@pytest.fixture
def media(tmp_path: Path, bus_photo: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    copyfile(bus_photo, folder / "bus.jpg")
    return folder


def workspace() -> Workspace:
    return Workspace.of(settings())


def crops_of(made: RunRecord) -> dict[str, RunCrop]:
    return {crop.stem: crop for crop in read_run_crops(made, workspace()).crops}


def say(crop: RunCrop, action: Action, minute: int = 0, **facts: Any) -> Decision:
    (made,) = record(
        [decide(crop, action, "ann", NOW.replace(minute=minute), **facts)],
        DecisionLog(workspace()),
        workspace(),
        settings().store,
    )
    return made


def all_but_the_smallest(media: Path, folder: Path) -> dict[str, dict[str, float]]:
    """Return bounds that drop one person before matting, and nobody else."""
    heights = sorted(
        crop.verdict.measures["person_height_px"] or 0.0
        for crop in crops_of(run(media, recipe_file(folder), publish="never")[1]).values()
    )
    return {"person_height_px": {"min": (heights[0] + heights[1]) / 2}}


def publish() -> tuple[RunRecord, dict[str, bytes]]:
    state = publish_run(return_state=True)
    assert state.is_completed(), state.message
    made = load_run(workspace(), None)
    return made, published_files(made)


def samples(files: dict[str, bytes]) -> dict[str, dict[str, str]]:
    rows = csv.DictReader(io.StringIO(files["samples.csv"].decode()))
    return {row["stem"]: row for row in rows}


def test_decisions_reach_samples_card_and_the_changelog_of_the_next_version(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = {"subject_share": {"max": 0.45}}
    _, first = run(media, recipe_file(tmp_path, filter=strict))
    assert b"decision" not in published_files(first)["samples.csv"]
    crops = crops_of(first)
    kept = sorted(stem for stem, crop in crops.items() if crop.verdict.verdict == "keep")
    (out, *_) = [stem for stem, crop in crops.items() if crop.verdict.reason == "subject_share"]
    forbid_models(monkeypatch)
    say(crops[out], "keep", reason="a close portrait is wanted")
    say(crops[kept[0]], "drop", reason="advertisement")
    say(crops[kept[1]], "good_mask")
    say(crops[kept[1]], "scene", add=("street",))

    made, files = publish()
    assert made.publication is not None
    assert made.publication.version == 2
    changelog = files["CHANGELOG.md"].decode()
    assert (
        f"added: 1\n  - kept by a curator's decision: a close portrait is wanted: 1 (such as {out})"
        in changelog
    )
    assert (
        f"removed: 1\n  - dropped by a curator's decision: advertisement: 1 (such as {kept[0]})"
        in changelog
    )
    assert "none → street, by a curator's decision: 1" in changelog
    rows = samples(files)
    assert kept[0] not in rows
    assert (rows[out]["decision"], rows[out]["decided_by"]) == ("keep", "ann")
    assert rows[kept[1]]["decision"] == "good_mask;scene"
    assert (rows[kept[1]]["scenes"], float(rows[kept[1]]["trust"])) == ("street", 1.0)
    counts = json.loads(files["dataset.json"])["decisions"]
    assert counts == {
        "kept": 1, "dropped": 1, "for_review": 0, "good_masks": 1, "scenes": 1, "unknown_scenes": []
    }  # fmt: skip
    assert "1 samples kept, 1 dropped" in files["README.md"].decode()
    drops = {drop["reason"]: drop for drop in json.loads(files["dataset.json"])["dropped"]}
    assert drops["decision"]["stage"] == "filter"

    # Publishing once more finds nothing new, and neither does the same ingest.
    again, _ = publish()
    assert again.publication is not None
    assert (again.publication.version, again.publication.is_new) == (2, False)
    state, ingested = run(media, recipe_file(tmp_path, filter=strict))
    assert state.is_completed(), state.message
    assert ingested.publication is not None
    assert (ingested.publication.version, ingested.publication.is_new) == (2, False)


def test_an_undone_decision_gives_the_version_before_it(media: Path, tmp_path: Path) -> None:
    _, first = run(media, recipe_file(tmp_path))
    assert first.publication is not None
    crop = next(crop for crop in crops_of(first).values() if crop.verdict.verdict == "keep")
    made = say(crop, "drop", reason="no")
    second, files = publish()
    assert crop.stem not in samples(files)
    record([undo(made, "bob", NOW)], DecisionLog(workspace()), workspace(), settings().store)
    third, files = publish()
    assert crop.stem in samples(files)
    assert "decision" not in samples(files)[crop.stem]
    assert third.recipe == second.recipe


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"matte": {"threshold": 0.2}}, id="another mask of the machine"),
        pytest.param({"detect": {"context": 0.35}}, id="another cut around the person"),
    ],
)
def test_decisions_survive_another_recipe(
    changes: dict[str, dict[str, float]], media: Path, tmp_path: Path
) -> None:
    tall = all_but_the_smallest(media, tmp_path)
    _, first = run(media, recipe_file(tmp_path, filter=tall))
    crops = crops_of(first)
    kept, other, *_ = [crop for crop in crops.values() if crop.verdict.verdict == "keep"]
    small = next(crop for crop in crops.values() if crop.verdict.verdict == "drop")
    say(kept, "drop", reason="no")
    say(small, "keep")
    say(other, "good_mask")
    state, second = run(media, recipe_file(tmp_path, filter=tall, **changes))
    assert state.is_completed(), state.message
    later = crops_of(second)
    assert (later[kept.stem].verdict.verdict, later[kept.stem].verdict.reason) == (
        "drop",
        "decision",
    )
    # It was dropped before matting; since somebody wants it, it was matted.
    assert small.matte is None
    assert later[small.stem].verdict.verdict == "keep"
    assert later[small.stem].matte is not None
    # The mask is another one now, so nobody has looked at it.
    assert not later[other.stem].verdict.is_mask_confirmed
    assert set(decisions_on(later.values(), workspace())) == {kept.stem, small.stem, other.stem}


def test_what_was_never_matted_is_matted_for_the_publication_and_a_preview_knows_the_decision(
    media: Path, tmp_path: Path
) -> None:
    recipe = recipe_file(tmp_path, filter=all_but_the_smallest(media, tmp_path))
    _, first = run(media, recipe)
    small = next(crop for crop in crops_of(first).values() if crop.verdict.verdict == "drop")
    assert small.matte is None
    say(small, "keep")
    assert preview(recipe, [], None, workspace()).diff.after["to be matted"] == 1
    _, files = publish()
    assert samples(files)[small.stem]["decision"] == "keep"
    assert preview(recipe, [], None, workspace()).diff.after["to be matted"] == 0


def test_decisions_travel_as_csv_into_another_workspace(
    media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, first = run(media, recipe_file(tmp_path))
    crop = next(crop for crop in crops_of(first).values() if crop.verdict.verdict == "keep")
    made = say(crop, "drop", reason="no")
    record([undo(made, "bob", NOW)], DecisionLog(workspace()), workspace(), settings().store)
    file = str(tmp_path / "decisions.csv")
    assert exit_code("decisions", "export", file) == 0
    data = Path(file).read_bytes()
    workspace().remove(workspace().names("decisions"))
    for arguments, answer in (
        (["--dry-run"], "2 decisions would be imported, 0 were there already"),
        ([], "2 decisions were imported, 0 were there already"),
        ([], "0 decisions were imported, 2 were there already"),
    ):
        capsys.readouterr()
        assert exit_code("decisions", "import", file, *arguments) == 0
        assert answer in capsys.readouterr().out
    assert exit_code("decisions", "export", file, "--all") == 0
    assert Path(file).read_bytes() == data


def test_a_takedown_removes_decisions_and_no_decision_brings_anything_back(
    media: Path, tmp_path: Path
) -> None:
    _, first = run(media, recipe_file(tmp_path))
    crop = next(iter(crops_of(first).values()))
    made = say(crop, "keep")
    registry = open_registry(settings().store)
    derived = find_derived("source", "bus.jpg", workspace(), registry)
    assert derived.n_decisions == 1
    take_down("source", "bus.jpg", "asked to", derived, workspace(), registry, NOW)
    assert workspace().names("decisions") == []
    log = DecisionLog(workspace())
    with pytest.raises(InputError, match="taken down"):
        record([made], log, workspace(), settings().store)
    # Even one that slips in.
    log.append([made])
    assert publish_run(return_state=True).is_failed()
