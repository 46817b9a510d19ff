"""Erasure: no file of workspace, store or Prefect leads to the person any more, and others stay."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.engine.derived import find_derived
from flows.engine.erasure import Erasure, erase
from flows.engine.run_record import load_run
from flows.takedown import take_down
from tasks.common.records import SourceOutcome
from tasks.common.schema.rows import Crop as DetectedCrop
from tasks.common.schema.tables import read_table
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import mask_path
from tasks.common.workspace.needles import Needles
from tasks.common.workspace.takedowns import Takedowns
from tasks.download.seen import SeenSources
from tasks.publish.channels import point_channel
from tasks.publish.diff import diff_versions
from tasks.publish.retire import retire_version
from tasks.publish.task import VersionRegistry, open_registry
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.published import publish_without_prefect
from tests.dataset.trees import NAME, NOW
from tests.flows.builders import recipe_of, save_record
from tests.flows.test_takedown import with_media

ANN, BOB = "a1" * 32, "b2" * 32  # what the files of the two hold
LEADS = (ANN[:12], "ann", "gala", "clips/gala")


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.of(settings())


@pytest.fixture
def registry() -> VersionRegistry:
    return open_registry(settings().store)


def outcome_of(workspace: Workspace, name: str, uploader: str, media: str) -> SourceOutcome:
    """Return a source through all stages, with everything else that a real one leaves."""
    line = source(name, uploader=uploader)
    whole = judged(workspace, line, [Crop("a"), Crop("b")], media=media)
    SeenSources(workspace).record(line, media, NOW)
    workspace.write(f"download/media/{media[:2]}/{media}", b"the video")
    workspace.write(f"traits/v1/{media[:2]}/{media}.json", b"{}")
    workspace.write(mask_path(media, "0" * 64), b"a mask")
    assert whole.crops is not None
    for crop in workspace.rows(DetectedCrop, whole.crops):
        workspace.write(f"matte/items/net/{crop.digest[:2]}/{crop.digest}.png", b"alpha")
    return with_media(workspace, whole, media)


@pytest.fixture
def two(workspace: Workspace) -> tuple[SourceOutcome, ...]:
    """A published run of a source by ann and one by bob, with its pages."""
    outcomes = (
        outcome_of(workspace, "gala", "ann", ANN), outcome_of(workspace, "cafe", "bob", BOB)
    )  # fmt: skip
    save_record(workspace, *outcomes, recipe=recipe_of(), run_id="20261122-000000-12345678")
    publish_without_prefect(outcomes, recipe_of(), settings().store, NOW)
    # After it: a publication would refuse lines that say nothing.
    workspace.write(f"decisions/{ANN}/1.jsonl", b"{}\n")
    folder = "runs/20261122-000000-12345678"
    workspace.write(f"{folder}/report.html", b"<img alt='%s-a'>" % ANN.encode())
    workspace.write(f"{folder}/explain/{BOB}-a.html", b"<img alt='of bob'>")
    order = {"order": "o1", "items": [{"sample": f"{ANN}-a"}, {"sample": f"{BOB}-a"}]}
    workspace.write("orders/o1.json", json.dumps(order).encode())
    workspace.write("results/detect/v3/gala/0123", b"{}")
    return outcomes


def erase_ann(
    workspace: Workspace, registry: VersionRegistry, *, kind: Any = "uploader"
) -> Erasure:
    name = "ann" if kind == "uploader" else "gala"
    derived = find_derived(kind, name, workspace, registry)
    record = take_down(kind, name, "ann asked by mail", derived, workspace, registry, NOW)
    named = record.model_copy(update={"id": name})
    return erase(named, derived, workspace, registry, settings(), NOW, lambda *_: [])


def leads_in(root: Path, *names: str) -> list[str]:
    """Return every file below a folder whose name or content leads to ann, read independently."""
    found = []
    for path in (path for path in root.rglob("*") if path.is_file()):
        data = path.read_bytes()
        text = str(read_table(path).to_pydict()) if path.suffix == ".parquet" else repr(data)
        words = set(text.replace("'", " ").replace('"', " ").replace("\\n", " ").split())
        name = path.relative_to(root).as_posix()
        if ANN[:12] in name + text or set(names or ("ann", "gala")) & (
            words | set(name.split("/"))
        ):
            found.append(name)
    return found


def replace_by_bob_alone(two: tuple[SourceOutcome, ...], registry: VersionRegistry) -> None:
    publish_without_prefect(two[1:], recipe_of(), settings().store, NOW)
    first = registry.commit(NAME, 1)
    assert first is not None
    retire_version(registry, first, "takedown", NOW)


def test_nothing_leads_to_the_person_and_the_other_stays_whole(
    workspace: Workspace, registry: VersionRegistry, two: tuple[SourceOutcome, ...]
) -> None:
    assert len(leads_in(settings().home)) > 20
    derived = find_derived("uploader", "ann", workspace, registry)
    take_down("uploader", "ann", "by mail", derived, workspace, registry, NOW)
    replace_by_bob_alone(two, registry)
    workspace.write(f"decisions/{BOB}/1.jsonl", b"{}\n")
    done = erase_ann(workspace, registry)
    assert done.remaining == []
    assert leads_in(settings().home) == []
    assert (done.store.n_trees, done.store.n_tables) == (1, 1)
    bob = two[1]
    for result in bob.stages[1:]:  # the download of a test has no file
        assert workspace.find(result.stage, result.key) == result
    assert [o.source.source_id for o in load_run(workspace, None).outcomes] == ["cafe"]
    assert json.loads(workspace.read("orders/o1.json") or b"")["items"] == [{"sample": f"{BOB}-a"}]
    for name in (
        f"decisions/{BOB}/1.jsonl",
        f"traits/v1/b2/{BOB}.json",
        f"download/media/b2/{BOB}",
        mask_path(BOB, "0" * 64),
        f"runs/20261122-000000-12345678/explain/{BOB}-a.html",
    ):
        assert workspace.read(name) is not None
    assert len(workspace.names("matte/items")) == 2


def test_a_version_in_use_is_named_with_the_command_and_goes_once_it_is_retired(
    workspace: Workspace, registry: VersionRegistry, two: tuple[SourceOutcome, ...]
) -> None:
    done = erase_ann(workspace, registry)
    (held,) = done.remaining
    assert held.startswith(f"{NAME}@v1 holds it in ")
    assert f"`matteflow retire {NAME}@v1 --reason takedown`" in held
    publish_without_prefect(two[1:], recipe_of(), settings().store, NOW)
    first, second = registry.commits(NAME)
    retire_version(registry, first, "takedown", NOW)
    again = erase_ann(workspace, registry)
    assert (again.remaining, leads_in(settings().home)) == ([], [])
    # What the table says of the version that is gone is that somebody was in it.
    assert {sample.stem[:6] for sample in diff_versions(registry, first, second).samples} == {
        "erased"
    }


def test_an_erased_takedown_still_refuses_name_bytes_and_samples(
    workspace: Workspace, registry: VersionRegistry, two: tuple[SourceOutcome, ...]
) -> None:
    erase_ann(workspace, registry)
    takedowns = Takedowns.of(workspace, registry.store)
    (record,) = takedowns.records
    text = record.encode().decode()
    assert not [lead for lead in LEADS if lead in text]
    assert takedowns.find(source("new", uploader="ann")) == record
    assert takedowns.find(source("gala", uploader="carl")) == record
    assert takedowns.find(source("other"), ANN) == record
    assert takedowns.find(source("other", uploader="bob"), BOB) is None
    assert takedowns.find_sample(f"{ANN[:12]}-a", None, None)
    assert record.sentence() == "an erased uploader was taken down on 2026-11-22: erased"


def test_the_version_after_an_erasure_has_no_word_of_it(
    workspace: Workspace, registry: VersionRegistry, two: tuple[SourceOutcome, ...]
) -> None:
    erase_ann(workspace, registry)
    made = publish_without_prefect(two[1:], recipe_of(), settings().store, NOW)
    assert leads_in(Path(made.url.removeprefix("file://"))) == []


def test_an_erasure_that_was_killed_is_repeated_with_the_same_words(
    workspace: Workspace,
    registry: VersionRegistry,
    two: tuple[SourceOutcome, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Workspace.remove
    n_left = [3]

    def remove_some(self: Workspace, names: Any) -> None:
        if not n_left[0]:
            raise KeyboardInterrupt
        n_left[0] -= 1
        real(self, names)

    monkeypatch.setattr(Workspace, "remove", remove_some)
    with pytest.raises(KeyboardInterrupt):
        erase_ann(workspace, registry)
    monkeypatch.setattr(Workspace, "remove", real)
    publish_without_prefect(two[1:], recipe_of(), settings().store, NOW)
    first = registry.commit(NAME, 1)
    assert first is not None
    retire_version(registry, first, "takedown", NOW)
    assert (erase_ann(workspace, registry).remaining, leads_in(settings().home)) == ([], [])


def test_a_source_is_erased_as_an_uploader_is(
    workspace: Workspace, registry: VersionRegistry, two: tuple[SourceOutcome, ...]
) -> None:
    derived = find_derived("source", "gala", workspace, registry)
    take_down("source", "gala", "by mail", derived, workspace, registry, NOW)
    replace_by_bob_alone(two, registry)
    done = erase_ann(workspace, registry, kind="source")
    assert done.remaining == []
    # Her other videos may be used, so her name may stay.
    assert leads_in(settings().home, "gala") == []


def test_what_was_searched_is_counted_by_place(
    workspace: Workspace, registry: VersionRegistry, two: tuple[SourceOutcome, ...]
) -> None:
    point_channel(registry, registry.commits(NAME)[0], "stable")
    workspace.write(f"decisions/{BOB}/1.jsonl", b"{}\n")
    places = {place.place: place for place in erase_ann(workspace, registry).searched}
    for name in ("corrections", "decisions", "detect", "download", "ledger", "matte", "orders",
                 "runs", "takedowns", "traits", "store: trees out of use", "store: manifests",
                 "store: versions", "store: channels", "store: takedowns"):  # fmt: skip
        assert places[name].found == (), name
    assert places["download"].n_files >= 1


def test_pictures_that_nothing_names_any_more_go_too(
    workspace: Workspace, registry: VersionRegistry, two: tuple[SourceOutcome, ...]
) -> None:
    """An artifact without its marker, and the mattes of crops that are gone."""
    crops = two[0].crops
    assert crops is not None
    folder = workspace.folder("detect", crops.key)
    workspace.remove(f"{folder}/{name}" for name in ("artifact.json", "items.parquet"))
    erase_ann(workspace, registry)
    assert workspace.names(folder) == []
    assert len(workspace.names("matte/items")) == 2


@pytest.mark.usefixtures("prefect_server")
def test_prefect_keeps_neither_contact_sheet_nor_table_nor_the_run() -> None:
    from prefect import flow, task
    from prefect.artifacts import create_markdown_artifact, create_table_artifact
    from prefect.client.orchestration import get_client

    from flows.engine.prefect_erasure import erase_from_prefect

    @task(task_run_name="detect-{source}")
    def detect(source: str) -> None: ...

    @flow
    def run(source: str) -> str:
        detect(source)
        create_markdown_artifact(key="ingest-crops-keep", markdown=f"![](data:{source[::-1]})")
        create_table_artifact(key="ingest-sources", table=[{"source_id": source}])
        from prefect.runtime import flow_run

        return str(flow_run.id)

    gala, cafe = run("gala"), run("cafe")
    searched = erase_from_prefect(Needles({"gala"}, ()), ("gala",), frozenset({gala[:8]}))
    assert [place.found for place in searched] == [(), ()]
    with get_client(sync_client=True) as client:
        left = {str(artifact.flow_run_id) for artifact in client.read_artifacts(limit=200)}
        runs = {str(one.id) for one in client.read_flow_runs(limit=200)}
        names = {one.name for one in client.read_task_runs(limit=200)}
    assert (gala in left, cafe in left, gala in runs, cafe in runs) == (False, True, False, True)
    assert ("detect-gala" in names, "detect-cafe" in names) == (False, True)
