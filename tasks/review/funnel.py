"""Counts of a run: what each stage handed on, why items were dropped, the result of each source."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tasks.common.records import Drop, SourceDrop, SourceOutcome, Stage, StageResult
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.run_crops import RunCrops
from tasks.common.workspace.artifacts import Workspace


class Step(NamedTuple):
    """One line of the funnel."""

    label: str
    unit: str
    n: int


class Reason(NamedTuple):
    """How many items a stage dropped for one reason, with one sentence as an example."""

    stage: str
    reason: str
    n: int
    example: str


def funnel(outcomes: Sequence[SourceOutcome], crops: Iterable[RunCrop]) -> list[Step]:
    """Count what each stage handed on, over all sources that reached it."""

    def total(stage: Stage, field: str) -> int:
        # A source that failed counts up to the stage where it failed.
        results = (outcome.result(stage) for outcome in outcomes)
        return sum(getattr(result, field) for result in results if result is not None)

    # From the crops of the run, not from the stages: duplicates across sources are removed there.
    verdicts = Counter(crop.verdict.verdict for crop in crops)
    return [
        Step("in the list", "sources", len(outcomes)),
        Step("downloaded", "sources", total("download", "n_kept")),
        # The labels are in published reports; another one would make a version differ.
        Step("looked at", "frames", total("sample", "n_in")),
        Step("sampled", "frames", total("sample", "n_kept")),
        Step("with people", "frames", total("detect", "n_kept")),
        Step("cropped", "people", total("detect", "n_out")),
        Step("worth matting", "people", total("screen", "n_kept")),
        Step("matted", "people", total("matte", "n_kept")),
        Step("kept or for review", "people", verdicts["keep"] + verdicts["review"]),
        Step("kept", "people", verdicts["keep"]),
    ]


def all_drops(
    outcomes: Iterable[SourceOutcome], run: RunCrops, workspace: Workspace
) -> list[SourceDrop]:
    """Return every drop of a run once, with its source: by stage of each source, then duplicates.

    The filter repeats what screening dropped, and what the matting model or a person found empty. A
    source that failed before its filter has those of matting alone.
    """
    drops: list[SourceDrop] = []
    for outcome in outcomes:
        is_filtered = outcome.result("filter") is not None
        repeated = ("screen", "matte") if is_filtered else ("screen",)
        for result in outcome.stages:
            if result.stage not in repeated:
                own = _drops_of(outcome.source.source_id, result, workspace)
                # `correct` repeats those of matting, and its empty masks are the filter's as well.
                drops += [
                    drop
                    for drop in own
                    if result.stage != "correct"
                    or (
                        drop.stage == "correct" and (drop.reason != "mask_empty" or not is_filtered)
                    )
                ]
    return [*drops, *run.drops]


def _drops_of(source_id: str, result: StageResult, workspace: Workspace) -> Iterator[SourceDrop]:
    for row in workspace.drop_rows(result):
        yield SourceDrop(source_id=source_id, **row)


def for_review(crops: Iterable[RunCrop]) -> list[SourceDrop]:
    """Return the crops that people should look at, in the form of drops."""
    return [
        SourceDrop(
            source_id=crop.source_id,
            item=crop.stem,
            stage="filter",
            reason=str(crop.verdict.reason),
            value=crop.verdict.value,
            bound=crop.verdict.bound,
            sentence=str(crop.verdict.sentence),
        )
        for crop in crops
        if crop.verdict.verdict == "review"
    ]


def reasons(drops: Iterable[Drop]) -> list[Reason]:
    """Count drops by stage and reason, most frequent first; the first drop gives the example."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for drop in drops:
        key = (str(drop.stage), drop.reason)
        counts[key] += 1
        # Drops come in the order of the source list, so the example is stable.
        examples.setdefault(key, drop.sentence)
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [Reason(*key, n, examples[key]) for key, n in ranked]


class SourceLine(NamedTuple):
    """One source in one line."""

    source_id: str
    state: str
    n_frames: int
    n_people: int
    n_kept: int
    n_review: int
    cause: str


def source_lines(outcomes: Iterable[SourceOutcome], run: RunCrops) -> list[SourceLine]:
    """Return for each source how far it came and its numbers of items."""
    counts = Counter((crop.source_id, crop.verdict.verdict) for crop in run.crops)
    repeated = run.repeated_sources()
    lines = []
    for outcome in outcomes:
        source_id = outcome.source.source_id
        frames, crops = outcome.result("sample"), outcome.result("detect")
        # A source without a failed stage never ran: the flow run of its batch ended before.
        failed = f"failed in {outcome.failed_stage or 'its batch'}"
        line = SourceLine(
            source_id=source_id,
            state="done" if outcome.error is None else failed,
            n_frames=_count(frames),
            n_people=_count(crops),
            n_kept=counts[source_id, "keep"],
            n_review=counts[source_id, "review"],
            cause=outcome.error or _why_nothing(frames, crops, repeated.get(source_id)),
        )
        lines.append(line)
    return lines


def _why_nothing(frames: StageResult | None, crops: StageResult | None, same_as: str | None) -> str:
    if same_as is not None:
        return f"the same bytes as {same_as}, whose crops count"
    if _count(crops) > 0:
        return ""
    is_unseen = frames is not None and frames.n_out == 0
    return "no frame could be used" if is_unseen else "no person was found"


def _count(result: StageResult | None) -> int:
    return 0 if result is None else result.n_out
