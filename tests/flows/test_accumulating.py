"""A subset that accumulates keeps what its store holds, whatever this workspace knows of."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.engine.earlier_runs import RunOutcomes, join_runs
from flows.engine.prefect_artifacts import describe_publication
from flows.engine.run_record import RunRecord, save_run
from tasks.common.errors import ArtifactError, InputError
from tasks.common.files import digest_bytes
from tasks.common.recipe.models import Recipe
from tasks.common.records import Publication, SourceOutcome
from tasks.common.schema.rows import MediaRow
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.publish.registry import VersionRegistry
from tasks.publish.retire import retire_version
from tasks.publish.verify import verify_version
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.growing import splits
from tests.dataset.published import publish_without_prefect
from tests.dataset.trees import NAME, NOW
from tests.flows.builders import recipe_of, save_record
from tests.publish.forge import put

GROWING = recipe_of(("note: small\n", "note: small\n  accumulate: true\n"))
REPLACING = recipe_of(("note: small\n", "note: small\n  accumulate: replace\n"))
Move = Callable[[str], Workspace]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return (tmp_path / "store").as_uri()


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Move:
    """Work in another workspace from now on, such as that of a new machine."""

    def to(name: str) -> Workspace:
        monkeypatch.setenv("MATTEFLOW_WORKSPACE", str(tmp_path / name))
        settings.cache_clear()
        return Workspace.of(settings())

    return to


def ran(name: str, *crops: Crop, media: str | None = None, recipe: Recipe = GROWING) -> RunRecord:
    """Return a finished run over one source, whose bytes are `media`."""
    workspace, media = Workspace.of(settings()), media or name
    outcome = with_bytes(judged(workspace, source(name), crops or [Crop("x")], media=media), media)
    return save_record(workspace, outcome, recipe=recipe, run_id=f"run-{name}")


def with_bytes(outcome: SourceOutcome, media: str) -> SourceOutcome:
    row = MediaRow(
        media_id=media, path="", size_bytes=1, kind="image", codec="png", width_px=1, height_px=1,
        frame_rate=None, duration_s=None, rotation_deg=0, projection="flat", digest="",
    )  # fmt: skip
    out = ArtifactWriter(Workspace.of(settings()), "download", digest_bytes(media.encode())[:40])
    stages = (out.commit_rows(MediaRow, [row], [], n_in=1), *outcome.stages)
    return outcome.model_copy(update={"stages": stages})


def publish(record: RunRecord, store: str, *drop: str, also: tuple[str, ...] = ()) -> Publication:
    """Publish a run as `ingest` and `publish` do."""
    workspace = Workspace.of(settings())
    current = RunOutcomes(record.run_id, record.outcomes)
    outcomes = join_runs(current, also, record.recipe, workspace, store)
    made = publish_without_prefect(outcomes, record.recipe, store, NOW, False, drop)
    save_run(record.model_copy(update={"publication": made}), workspace)
    return made


def stems(store: str, version: int) -> list[str]:
    return sorted(splits(store, version))


def require_whole(store: str) -> None:
    registry = VersionRegistry(open_store(store))
    for commit in registry.commits(NAME):
        assert list(verify_version(registry, commit, deep=True)) == []


def retire(store: str, number: int) -> None:
    registry = VersionRegistry(open_store(store))
    commit = registry.commit(NAME, number)
    assert commit is not None
    retire_version(registry, commit, "bad batch", NOW)


def test_a_workspace_restored_from_before_a_batch_loses_nothing(store: str, move: Move) -> None:
    old = move("old")
    publish(ran("a"), store)
    shutil.copytree(old.root, old.root.with_name("backup"))
    publish(ran("b"), store)
    move("backup")
    made = publish(ran("c"), store)
    assert (made.version, made.n_carried, stems(store, 3)) == (3, 1, ["a-x", "b-x", "c-x"])
    require_whole(store)


def test_a_new_machine_with_an_empty_workspace_loses_nothing(store: str, move: Move) -> None:
    move("old")
    publish(ran("a", Crop("x"), Crop("y")), store)
    publish(ran("b"), store)
    move("new")
    made = publish(ran("a", Crop("x"), Crop("y")), store)
    assert (made.n_carried, stems(store, made.version)) == (1, ["a-x", "a-y", "b-x"])
    assert splits(store, 2) == splits(store, made.version)
    record = ran("a").model_copy(update={"publication": made})
    assert "1 samples were carried over as they were published" in describe_publication(record)
    require_whole(store)


def test_carried_files_are_copied_within_the_store(store: str, move: Move) -> None:
    move("old")
    publish(ran("a", *(Crop(f"c{n}") for n in range(9))), store)
    new = move("new")
    made = publish(ran("b"), store)
    assert (made.n_samples, made.n_carried, made.n_copied >= 18) == (10, 9, True)
    assert not any(path.name.startswith("a-") for path in new.root.rglob("*.jpg"))


def test_what_was_published_to_a_scratch_store_never_appears_elsewhere(
    store: str, tmp_path: Path, move: Move
) -> None:
    move("old")
    publish(ran("trial"), (tmp_path / "scratch").as_uri())
    publish(ran("a"), store)
    assert stems(store, 1) == ["a-x"]
    publish(ran("b"), store)
    assert stems(store, 2) == ["a-x", "b-x"]


def test_a_run_that_also_went_to_a_scratch_store_stays_a_member_of_the_first(
    store: str, tmp_path: Path, move: Move
) -> None:
    move("old")
    first = ran("a")
    publish(first, store)
    publish(first, (tmp_path / "scratch").as_uri())
    publish(ran("b"), store)
    assert stems(store, 2) == ["a-x", "b-x"]


def test_a_source_that_vanished_or_fails_today_stays(store: str, move: Move) -> None:
    move("old")
    publish(ran("a"), store)
    move("new")
    broken = (
        ran("a")
        .outcomes[0]
        .model_copy(update={"stages": (), "error": "gone", "failed_stage": "download"})
    )
    fresh = ran("b").outcomes[0]
    made = publish(save_record(Workspace.of(settings()), broken, fresh, recipe=GROWING), store)
    assert (made.n_carried, stems(store, 2)) == (1, ["a-x", "b-x"])


def test_artifacts_that_are_gone_count_as_no_run(store: str, move: Move) -> None:
    workspace = move("old")
    publish(ran("a"), store)
    shutil.rmtree(workspace.root / "filter")
    made = publish(ran("b"), store)
    assert (made.n_carried, stems(store, 2)) == (1, ["a-x", "b-x"])


def test_a_sample_that_is_judged_again_and_dropped_is_superseded(store: str, move: Move) -> None:
    move("old")
    publish(ran("a", Crop("x"), Crop("y")), store)
    blurred = Crop("y", "drop", "sharpness", "Blurred.")
    publish(ran("a", Crop("x"), blurred), store)
    assert stems(store, 2) == ["a-x"]


def test_other_bytes_of_a_source_are_refused_with_the_samples_that_would_be_lost(
    store: str, move: Move
) -> None:
    move("old")
    publish(ran("a", Crop("x"), Crop("y"), media="m"), store)
    move("new")
    edited = ran("a", media="n")
    message = (
        r"2 published samples of .*@v1 would be lost: m-x \(the source a has other bytes now\), "
        r"m-y .* --drop NAME"
    )
    with pytest.raises(InputError, match=message):
        publish(edited, store)
    assert VersionRegistry(open_store(store)).numbers(NAME) == [1]
    made = publish(edited, store, "m-x", "m-y")
    assert stems(store, made.version) == ["n-x"]


def test_replace_and_the_name_of_the_source_let_other_bytes_in(store: str, move: Move) -> None:
    move("old")
    publish(ran("a", media="m"), store)
    publish(ran("a", media="n", recipe=REPLACING), store)
    assert stems(store, 2) == ["n-x"]
    with pytest.raises(InputError, match="n-x"):
        publish(ran("a", media="o"), store)


def test_a_named_sample_stays_out_of_later_versions(store: str, move: Move) -> None:
    move("old")
    first = ran("a", Crop("x"), Crop("y"))
    publish(first, store)
    publish(ran("b"), store, "a-y")
    assert stems(store, 2) == ["a-x", "b-x"]
    publish(ran("c"), store)
    assert stems(store, 3) == ["a-x", "b-x", "c-x"]
    assert publish(first, store).is_new is False
    move("new")
    publish(ran("d"), store, "b")
    assert stems(store, 4) == ["a-x", "c-x", "d-x"]
    with pytest.raises(InputError, match=r"--drop a-y: .*@v4 has no sample and no source"):
        publish(ran("e"), store, "a-y")


def test_retired_batches_do_not_come_back_and_earlier_ones_stay(store: str, move: Move) -> None:
    move("old")
    publish(ran("a"), store)
    publish(ran("b"), store)
    publish(ran("c"), store)
    VersionRegistry(open_store(store))
    publish(ran("d"), store)
    for number in (2, 3):
        retire(store, number)
    publish(ran("e"), store)
    # Version 4 is in use and holds them: it is that one's turn to be retired.
    assert stems(store, 5) == ["a-x", "b-x", "c-x", "d-x", "e-x"]


def test_after_a_retirement_the_version_before_it_says_who_is_a_member(
    store: str, move: Move
) -> None:
    move("old")
    publish(ran("a"), store)
    publish(ran("b"), store)
    registry = VersionRegistry(open_store(store))
    from tasks.publish.channels import point_channel

    first = registry.commit(NAME, 1)
    assert first is not None
    point_channel(registry, first)
    retire(store, 2)
    publish(ran("c"), store)
    assert stems(store, 3) == ["a-x", "c-x"]


def test_a_new_crop_that_repeats_a_carried_one_is_left_out(store: str, move: Move) -> None:
    near = recipe_of(
        ("filter:\n", "filter:\n  near_duplicate: {min: 5}\n"),
        ("note: small\n", "note: small\n  accumulate: true\n"),
    )
    move("old")
    publish(ran("a", Crop("x", hash=0b1111), recipe=near), store)
    move("new")
    publish(ran("b", Crop("x", hash=0b1), Crop("y"), recipe=near), store)
    assert stems(store, 2) == ["a-x", "b-y"]


def test_damage_of_the_table_of_files_stops_what_would_carry_over(store: str, move: Move) -> None:
    move("old")
    made = publish(ran("a"), store)
    move("new")
    put(open_store(store), f"manifests/{made.tree_id}.parquet", b"PAR1")
    with pytest.raises(ArtifactError, match=r"The table of files of .*@v1 is missing or damaged"):
        publish(ran("b"), store)
    assert VersionRegistry(open_store(store)).numbers(NAME) == [1]


def test_the_same_run_published_twice_makes_no_second_version(store: str, move: Move) -> None:
    move("old")
    publish(ran("a"), store)
    move("new")
    again = ran("b")
    assert [publish(again, store).version for _ in range(2)] == [2, 2]
