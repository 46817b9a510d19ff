"""What became of everything in a run: the funnel, the drop reasons, the state of each source."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tasks.common.records import SourceOutcome, Stage, StageResult
from tasks.common.schema.tables import plain_rows
from tasks.deduplicate.run_crops import Subset


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


def funnel(subset: Subset) -> list[Step]:
    """Count what each stage handed on, over all sources that reached it."""

    def total(stage: Stage, field: str) -> int:
        results = (outcome.result(stage) for outcome in subset.outcomes)
        return sum(getattr(result, field) for result in results if result is not None)

    final = Counter(row["verdict"] for _, row in subset.verdicts())
    return [
        Step("in the list", "sources", len(subset.outcomes)),
        Step("downloaded", "sources", total("download", "n_kept")),
        Step("looked at", "frames", total("sample", "n_in")),
        Step("sampled", "frames", total("sample", "n_kept")),
        Step("with people", "frames", total("detect", "n_kept")),
        Step("cropped", "people", total("detect", "n_out")),
        Step("worth matting", "people", total("screen", "n_kept")),
        Step("matted", "people", total("matte", "n_kept")),
        Step("kept or for review", "people", final["keep"] + final["review"]),
        Step("kept", "people", final["keep"]),
    ]


def all_drops(subset: Subset) -> Iterator[dict[str, Any]]:
    """Yield every drop once, with its source; the filter repeats what screening dropped."""
    for outcome in subset.outcomes:
        for result in outcome.stages:
            if result.stage != "screen":
                for row in plain_rows(subset.workspace.drops(result)):
                    if not (result.stage == "matte" and outcome.result("filter")):
                        yield row | {"source_id": outcome.source.source_id}
    for source, drop in subset.drops():
        yield drop.model_dump() | {"source_id": source.source_id}


def set_aside(subset: Subset) -> Iterator[dict[str, Any]]:
    """Yield the crops that people should look at, in the form of drops."""
    for source, row in subset.verdicts():
        if row["verdict"] == "review":
            told = {"stage": "filter", "item": row["crop_id"], "source_id": source.source_id}
            yield told | {name: row[name] for name in ("reason", "value", "bound", "sentence")}


def reasons(drops: Iterable[dict[str, Any]]) -> list[Reason]:
    """Count drops by stage and reason, most frequent first."""
    drops = list(drops)
    counts = Counter((drop["stage"], drop["reason"]) for drop in drops)
    examples = {(drop["stage"], drop["reason"]): drop["sentence"] for drop in reversed(drops)}
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


def source_lines(subset: Subset) -> list[SourceLine]:
    """Tell of each source how far it came and what it gave."""
    counts = Counter((source.source_id, row["verdict"]) for source, row in subset.verdicts())
    repeated = subset.repeated_sources()
    return [
        _line(outcome, counts, repeated.get(outcome.source.source_id))
        for outcome in subset.outcomes
    ]


def _line(
    outcome: SourceOutcome, counts: Counter[tuple[str, str]], same_as: str | None
) -> SourceLine:
    frames, crops = outcome.result("sample"), outcome.result("detect")
    source_id = outcome.source.source_id
    has_people = crops is not None and crops.n_out > 0
    return SourceLine(
        source_id=source_id,
        state="done"
        if outcome.error is None
        else f"failed in {outcome.failed_stage or 'its batch'}",
        n_frames=_count(frames),
        n_people=_count(crops),
        n_kept=counts[source_id, "keep"],
        n_review=counts[source_id, "review"],
        cause=outcome.error or _why_nothing(frames, has_people, same_as),
    )


def _why_nothing(frames: StageResult | None, has_people: bool, same_as: str | None) -> str:
    if same_as is not None:
        return f"the same bytes as {same_as}, whose crops count"
    if has_people:
        return ""
    is_unseen = frames is not None and frames.n_out == 0
    return "no frame could be used" if is_unseen else "no person was found"


def _count(result: StageResult | None) -> int:
    return 0 if result is None else result.n_out
