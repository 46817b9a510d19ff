"""What became of everything: the funnel, the reasons, a line for each source, no drop twice."""

from pathlib import Path

import pytest

from tasks.common.digests import content_key
from tasks.common.records import Drop, SourceDrop, SourceOutcome, Stage
from tasks.common.schema.rows import Matte
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.review.funnel import SourceLine, all_drops, for_review, funnel, reasons, source_lines
from tests.dataset.builders import judged, source, two_sources, verdicts_only
from tests.dataset.crops import Crop
from tests.deduplicate.builders import run_crop, run_crops


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _counts(workspace: Workspace, *outcomes: SourceOutcome) -> dict[str, int]:
    crops = run_crops(workspace, *outcomes).crops
    return {step.label: step.n for step in funnel(outcomes, crops)}


def _drops(workspace: Workspace, *outcomes: SourceOutcome) -> list[SourceDrop]:
    return all_drops(outcomes, run_crops(workspace, *outcomes), workspace)


def _lines(workspace: Workspace, *outcomes: SourceOutcome) -> list[SourceLine]:
    return source_lines(outcomes, run_crops(workspace, *outcomes))


def test_of_no_sources_everything_is_zero(workspace: Workspace) -> None:
    assert set(_counts(workspace).values()) == {0}


def test_the_funnel_counts_the_people_that_each_stage_handed_on(workspace: Workspace) -> None:
    counts = _counts(workspace, *two_sources(workspace))
    people = ("cropped", "matted", "kept or for review", "kept")
    assert [counts[label] for label in people] == [5, 5, 4, 3]


def test_a_source_that_failed_early_counts_as_listed_and_no_more(workspace: Workspace) -> None:
    failed = SourceOutcome(source=source("broken"), error="No video.", failed_stage="download")
    counts = _counts(workspace, failed)
    assert {label: n for label, n in counts.items() if n} == {"in the list": 1}


def test_each_source_has_its_line(workspace: Workspace) -> None:
    lines = _lines(workspace, *two_sources(workspace))
    counts = [(line.source_id, line.n_people, line.n_kept, line.n_review) for line in lines]
    assert counts == [("street", 3, 1, 1), ("cafe", 2, 2, 0)]
    assert [(line.state, line.cause) for line in lines] == [("done", "")] * 2


def test_a_crop_that_two_sources_share_counts_for_the_first(workspace: Workspace) -> None:
    outcomes = [judged(workspace, source(name), [Crop("a")], media="m") for name in ("b", "a")]
    lines = _lines(workspace, *outcomes)
    assert [(line.source_id, line.n_kept) for line in lines] == [("b", 1), ("a", 0)]


def test_a_kept_crop_that_came_before_is_a_drop_that_names_the_first_source(
    workspace: Workspace,
) -> None:
    outcomes = [judged(workspace, source(name), [Crop("a")], media="m") for name in ("b", "a")]
    (drop,) = _drops(workspace, *outcomes)
    assert (drop.source_id, drop.item, drop.stage, drop.reason) == (
        "a", "m-a", "deduplicate", "same_media",
    )  # fmt: skip
    assert drop.sentence == "Source b has the same file and comes first, so its crop counts."


def test_a_dropped_crop_that_came_before_is_a_drop_of_the_filter_alone(
    workspace: Workspace,
) -> None:
    soft = [Crop("a", "drop", "sharpness", "Soft.")]
    outcomes = [verdicts_only(workspace, source(name), soft, media="m") for name in ("b", "a")]
    drops = [(drop.source_id, drop.stage) for drop in _drops(workspace, *outcomes)]
    assert drops == [("b", "filter"), ("a", "filter")]


def test_drops_are_counted_by_stage_and_reason_the_most_frequent_first(
    workspace: Workspace,
) -> None:
    crops = [
        Crop("a", "drop", "frame_cut", "first cut"),
        Crop("b", "drop", "sharpness", "first blur"),
        Crop("c", "drop", "sharpness", "second blur"),
    ]
    drops = _drops(workspace, judged(workspace, source("street"), crops))
    assert reasons(drops) == [
        ("filter", "sharpness", 2, "first blur"),
        ("filter", "frame_cut", 1, "first cut"),
    ]


@pytest.mark.parametrize("is_filtered", [True, False])
def test_a_drop_that_the_filter_repeats_counts_once(
    is_filtered: bool, workspace: Workspace
) -> None:
    whole = judged(workspace, source("street"), [Crop("a", "drop", "mask_empty", "Nobody.")])
    empty = Drop(item="street-a", stage="matte", reason="mask_empty", sentence="Nobody.")
    stages = [whole.stages[0]]
    repeated: tuple[Stage, ...] = ("screen", "matte")
    for stage in repeated:
        out = ArtifactWriter(workspace, stage, content_key("empty"))
        stages.append(out.commit_rows(Matte, [], [empty], n_in=1))
    stages += whole.stages[2:] if is_filtered else []
    outcome = whole.model_copy(update={"stages": tuple(stages)})
    drops = [(drop.stage, drop.item) for drop in _drops(workspace, outcome)]
    assert drops == [("filter" if is_filtered else "matte", "street-a")]


def test_of_no_drops_there_are_no_reasons() -> None:
    assert reasons([]) == []


def test_crops_for_review_are_listed_like_drops() -> None:
    look = Crop("a", "review", "sharpness", "Soft.", value=0.45, bound=0.5)
    crops = [run_crop("street", look), run_crop("street", Crop("b"))]
    assert for_review(crops) == [
        SourceDrop(
            source_id="street", item="street-a", stage="filter", reason="sharpness", value=0.45,
            bound=0.5, sentence="Soft.",
        )
    ]  # fmt: skip


def test_a_source_whose_bytes_came_before_names_the_first(workspace: Workspace) -> None:
    outcomes = [verdicts_only(workspace, source(name), [Crop("a")], media="m") for name in "xy"]
    causes = {line.source_id: line.cause for line in _lines(workspace, *outcomes)}
    assert causes["y"] == "the same bytes as x, whose crops count"
    assert causes["x"] != causes["y"]
