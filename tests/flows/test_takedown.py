"""What somebody had taken down: found, recorded, and kept out of all that comes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.engine.derived import find_derived
from flows.ingest import prepare
from flows.takedown import lift, take_down
from tasks.common.errors import ArtifactError, InputError, SourceError
from tasks.common.records import Source, SourceOutcome
from tasks.common.schema.rows import MediaRow
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.common.workspace.takedowns import Takedowns
from tasks.publish import commit
from tasks.publish.task import VersionRegistry, open_registry
from tasks.publish.upload import upload
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.published import publish_without_prefect
from tests.download.fetching import fetch_from, png
from tests.flows.builders import exit_code, recipe_of, save_record

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def with_media(workspace: Workspace, outcome: SourceOutcome, media_id: str) -> SourceOutcome:
    """Add what the download stage says of the source's bytes."""
    out = ArtifactWriter(workspace, "download", media_id[:40])
    row = MediaRow(
        media_id,
        path="",
        digest="",
        size_bytes=1,
        kind="video",
        codec="h264",
        width_px=64,
        height_px=48,
        frame_rate="25/1",
        duration_s=1.0,
        rotation_deg=0,
        projection="flat",
    )
    media = out.commit_rows(MediaRow, [row], [], n_in=1)
    return outcome.model_copy(update={"stages": (media, *outcome.stages)})


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.of(settings())


@pytest.fixture
def outcomes(workspace: Workspace) -> tuple[SourceOutcome, ...]:
    """Three sources: two of ann's, and one with the same bytes as her second, by somebody else."""
    made = []
    for name, uploader, media in (
        ("street", "ann", "1"),
        ("beach", "ann", "2"),
        ("copy", "bob", "2"),
        ("cafe", "bob", "3"),
    ):
        line = source(name, uploader=uploader)
        whole = judged(workspace, line, [Crop("a"), Crop("b")], media=media * 64)
        made.append(with_media(workspace, whole, media * 64))
    save_record(workspace, *made, recipe=recipe_of())
    return tuple(made)


@pytest.fixture
def registry() -> VersionRegistry:
    return open_registry(settings().store)


def samples(registry: VersionRegistry, words: str) -> list[str]:
    files = registry.files(registry.resolve(words)) or []
    names = (file.name for file in files if file.name.startswith("img_dir/"))
    return sorted(name.rpartition("/")[2] for name in names)


def dataset(registry: VersionRegistry, words: str) -> dict[str, Any]:
    facts = json.loads(registry.store.get(f"{registry.resolve(words).prefix}dataset.json") or b"")
    assert isinstance(facts, dict)
    return facts


def publish_all(outcomes: tuple[SourceOutcome, ...]) -> Any:
    return publish_without_prefect(outcomes, recipe_of(), settings().store, NOW)


def test_all_that_is_derived_is_found_also_under_another_name(
    workspace: Workspace, outcomes: tuple[SourceOutcome, ...], registry: VersionRegistry
) -> None:
    publish_all(outcomes)
    found = find_derived("uploader", "ann", workspace, registry)
    assert found.source_ids == ("beach", "street")
    assert found.media_ids == ("1" * 64, "2" * 64)
    assert len(found.crop_ids) == 4
    assert [(held.label, held.n_samples) for held in found.versions] == [
        ("CustomSeg_Person_20261122_small@v1", 4)
    ]
    one = find_derived("source", "cafe", workspace, registry)
    assert (one.media_ids, len(one.crop_ids)) == (("3" * 64,), 2)


def test_the_next_version_is_without_it_whoever_brings_the_bytes(
    workspace: Workspace, outcomes: tuple[SourceOutcome, ...], registry: VersionRegistry
) -> None:
    before = publish_all(outcomes)
    assert before.n_samples == 6
    told = dataset(registry, f"{before.name}@v1")["duplicate_sources"]
    assert [one["source_id"] for one in told["2" * 64]] == ["beach", "copy"]
    found = find_derived("uploader", "ann", workspace, registry)
    take_down("uploader", "ann", "asked by mail", found, workspace, registry, NOW)
    after = publish_all(outcomes)
    assert (after.version, after.n_samples) == (2, 2)
    assert samples(registry, f"{after.name}@v2") == [f"{'3' * 64}-a.jpg", f"{'3' * 64}-b.jpg"]
    facts = dataset(registry, f"{after.name}@v2")
    assert [one["source_id"] for one in facts["sources"]] == ["cafe"]
    assert facts["duplicate_sources"] == {}


def test_another_publisher_heeds_it_by_way_of_the_store(
    workspace: Workspace,
    outcomes: tuple[SourceOutcome, ...],
    registry: VersionRegistry,
    tmp_path: Path,
) -> None:
    found = find_derived("source", "street", workspace, registry)
    record = take_down("source", "street", "asked", found, workspace, registry, NOW)
    (settings().workspace / record.key).unlink()
    assert publish_all(outcomes).n_samples == 4


@pytest.mark.service
def test_the_same_bytes_are_refused_when_they_come_again(
    workspace: Workspace, registry: VersionRegistry, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(png())
    fetch_from(tmp_path / "a.png", settings().workspace)  # as the source s
    found = find_derived("source", "s", workspace, registry)
    assert len(found.media_ids) == 1
    take_down("source", "s", "asked", found, workspace, registry, NOW)
    (tmp_path / "b.png").write_bytes(png())
    with pytest.raises(SourceError, match=r"must not be used: source s was taken down on 2026"):
        fetch_from(tmp_path / "b.png", settings().workspace)


def listed(folder: Path) -> str:
    lines = ["source_id,uri,uploader", "street,a.png,ann", "cafe,b.png,bob"]
    (folder / "l.csv").write_text("\n".join(lines))
    return str(folder / "l.csv")


def test_a_run_leaves_it_out_at_the_door_and_says_so(
    workspace: Workspace, registry: VersionRegistry, tmp_path: Path
) -> None:
    found = find_derived("uploader", "ann", workspace, registry)
    take_down("uploader", "ann", "asked", found, workspace, registry, NOW)
    prepared = prepare(listed(tmp_path), "demo", settings().store)
    assert [line.source_id for line in prepared.sources] == ["cafe"]
    (said,) = prepared.withheld
    assert said == "street is left out: uploader ann was taken down on 2026-11-25: asked"
    take_down("source", "cafe", "asked", found, workspace, registry, NOW)
    with pytest.raises(InputError, match="Every source of the list was taken down"):
        prepare(listed(tmp_path), "demo", settings().store)


def test_a_later_record_keeps_what_the_earlier_one_knew(
    workspace: Workspace,
    outcomes: tuple[SourceOutcome, ...],
    registry: VersionRegistry,
    tmp_path: Path,
) -> None:
    found = find_derived("uploader", "ann", workspace, registry)
    take_down("uploader", "ann", "asked", found, workspace, registry, NOW)
    for path in (settings().workspace / "runs").rglob("run.json"):
        path.unlink()
    again = find_derived("uploader", "ann", workspace, registry)
    assert (again.source_ids, again.media_ids) == (found.source_ids, found.media_ids)


def test_a_takedown_can_be_lifted(workspace: Workspace, registry: VersionRegistry) -> None:
    found = find_derived("source", "x", workspace, registry)
    take_down("source", "x", "a mistake", found, workspace, registry, NOW)
    assert Takedowns.of(workspace, registry.store).find(Source(source_id="x", uri="/x"))
    lift("source", "x", workspace, registry)
    assert Takedowns.of(workspace, registry.store).records == ()
    with pytest.raises(InputError, match="no takedown of source x"):
        lift("source", "x", workspace, registry)


def test_a_damaged_record_stops_everything(workspace: Workspace, registry: VersionRegistry) -> None:
    workspace.write("takedowns/x.json", b"{")
    with pytest.raises(ArtifactError, match="nothing is ingested or published"):
        Takedowns.of(workspace, registry.store)


def test_the_command_lists_records_and_says_what_to_do(
    workspace: Workspace,
    outcomes: tuple[SourceOutcome, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish_all(outcomes)
    assert exit_code("takedown", "--uploader", "ann", "--preview") == 0
    assert Takedowns.of(workspace, open_store(settings().store)).records == ()
    assert exit_code("takedown", "--uploader", "ann") == 2
    assert "Give the reason with --reason" in capsys.readouterr().err
    assert exit_code("takedown", "--uploader", "ann", "--reason", "by mail") == 0
    told = capsys.readouterr().out
    for said in (
        "2 sources: beach street",
        "CustomSeg_Person_20261122_small@v1 has 4 samples",
        "matteflow retire CustomSeg_Person_20261122_small@v1",
    ):
        assert said in told
    assert exit_code("takedowns") == 0
    assert "uploader ann was taken down on" in capsys.readouterr().out
    assert exit_code("takedown", "--uploader", "ann", "--undo") == 0
    assert exit_code("takedowns") == 0
    assert "0 takedowns." in capsys.readouterr().out


def test_a_takedown_during_a_publication_makes_no_version_with_it(
    workspace: Workspace,
    outcomes: tuple[SourceOutcome, ...],
    registry: VersionRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The upload takes hours; the record comes in the middle of it."""
    found = find_derived("uploader", "ann", workspace, registry)
    real, waiting = upload, ["once"]

    def upload_meanwhile(*args: Any) -> Any:
        if waiting:
            waiting.pop()
            take_down("uploader", "ann", "asked by mail", found, workspace, registry, NOW)
        return real(*args)

    monkeypatch.setattr(commit, "upload", upload_meanwhile)
    made = publish_all(outcomes)
    assert (made.version, made.n_samples) == (1, 2)
    assert registry.numbers(made.name) == [1]


def test_a_takedown_at_the_last_moment_retires_the_version_that_it_came_too_late_for(
    workspace: Workspace,
    outcomes: tuple[SourceOutcome, ...],
    registry: VersionRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = find_derived("uploader", "ann", workspace, registry)
    real, waiting = commit._commit, ["once"]

    def commit_meanwhile(*args: Any) -> Any:
        if waiting:
            waiting.pop()
            take_down("uploader", "ann", "asked by mail", found, workspace, registry, NOW)
        return real(*args)

    monkeypatch.setattr(commit, "_commit", commit_meanwhile)
    made = publish_all(outcomes)
    assert (made.version, made.n_samples) == (2, 2)
    assert registry.retired_numbers(made.name) == [1]
    assert registry.resolve(made.name).version == 2


def test_no_later_text_names_what_was_taken_down(
    workspace: Workspace, outcomes: tuple[SourceOutcome, ...], registry: VersionRegistry
) -> None:
    publish_all(outcomes)
    found = find_derived("uploader", "ann", workspace, registry)
    take_down("uploader", "ann", "asked by mail", found, workspace, registry, NOW)
    made = publish_all(outcomes)
    prefix = registry.resolve(f"{made.name}@v2").prefix
    for name in registry.store.list_objects(prefix):
        text = (registry.store.get(name) or b"").decode(errors="replace")
        for word in ("1" * 12, "2" * 12, "beach", "street"):
            assert word not in text, name
    changelog = (registry.store.get(f"{prefix}CHANGELOG.md") or b"").decode()
    assert "  - taken down: 4 (such as …)" in changelog


def test_who_uses_a_version_is_told_what_was_taken_down_since(
    workspace: Workspace,
    outcomes: tuple[SourceOutcome, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    name = publish_all(outcomes).name
    assert exit_code("takedown", "--uploader", "ann", "--reason", "by mail") == 0
    capsys.readouterr()
    for number, arguments in enumerate((["pull"], ["export", "--format", "imagefolder"])):
        assert exit_code(*arguments, f"{name}@v1", "--to", str(tmp_path / str(number))) == 0
        assert f"{name}@v1 holds 4 samples that were taken down" in capsys.readouterr().err
    assert exit_code("explain", f"{'1' * 64}-a") == 0
    told = capsys.readouterr()
    assert "Its pictures are not shown: uploader ann was taken down on" in told.err
    assert "Pictures:" not in told.out


@pytest.mark.parametrize(
    ("kind", "name", "known"), [("uploader", "anne", "ann"), ("source", "streets", "street")]
)
def test_a_name_that_nobody_knows_is_refused_with_the_known_ones(
    kind: str,
    name: str,
    known: str,
    workspace: Workspace,
    outcomes: tuple[SourceOutcome, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code("takedown", f"--{kind}", name, "--reason", "by mail") == 2
    assert f"No {kind} '{name}' is known here. Known: {known}" in capsys.readouterr().err
    assert Takedowns.of(workspace).records == ()
    assert exit_code("takedown", f"--{kind}", name, "--reason", "by mail", "--in-advance") == 0


@pytest.mark.parametrize("arguments", [[], ["--source", "a", "--uploader", "b"]])
def test_one_thing_is_taken_down_at_a_time(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("takedown", *arguments) == 2
    assert "Give either --source ID or" in capsys.readouterr().err
