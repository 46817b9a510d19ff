"""Decisions of curators on the crops of runs: recording them, reading what was decided."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from flows.engine.run_record import RunRecord
from tasks.common.errors import InputError
from tasks.common.schema.decisions import Decision
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rulings import CropDecisions, Ruling, place_decisions
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.decisions import DecisionLog, read_all_decisions
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.task import media_of

_MAX_PROBLEMS = 20


def record(
    decisions: Sequence[Decision], log: DecisionLog, workspace: Workspace, store: str
) -> list[Decision]:
    """Write decisions and return the new ones; after it no crash loses them.

    Raises:
        InputError: the media of one was taken down; nothing is written then.
        ArtifactError: earlier decisions are damaged.
        WorldError: workspace or store do not answer.
    """
    _require_allowed(decisions, workspace, store)
    return log.append(decisions)


def _require_allowed(decisions: Iterable[Decision], workspace: Workspace, store: str) -> None:
    takedowns = Takedowns.of(workspace, open_store(store))
    gone = {media_id for record in takedowns.records for media_id in record.media_ids}
    refused = [each.item or each.media_id for each in decisions if each.media_id in gone]
    if refused:
        raise InputError(
            f"{len(refused)} decisions are about media that was taken down, such as {refused[0]}; "
            "nothing was written."
        )


def import_decisions(
    decisions: Sequence[Decision], workspace: Workspace, store: str, *, dry_run: bool = False
) -> list[Decision]:
    """Write decisions of another place, all or none; return those that were not known.

    Raises:
        InputError: the media of some was taken down, or some undo what nobody decided.
    """
    known = read_all_decisions(workspace, {decision.media_id for decision in decisions})
    lines = {line.id: line for own in known.values() for line in own}
    everything = lines | {decision.id: decision for decision in decisions}
    problems = [
        problem
        for decision in decisions
        if (problem := _wrong_reference(decision, everything)) is not None
    ]
    if problems:
        raise InputError("\n".join([*problems[:_MAX_PROBLEMS], "Nothing was imported."]))
    new = list({each.id: each for each in decisions if each.id not in lines}.values())
    if dry_run:
        _require_allowed(new, workspace, store)
        return new
    return record(new, DecisionLog(workspace), workspace, store)


def _wrong_reference(decision: Decision, known: Mapping[str, Decision]) -> str | None:
    """Return what is wrong with the decision that a line undoes, or None."""
    if decision.undoes is None:
        return None
    target = known.get(decision.undoes)
    if target is None or target.media_id != decision.media_id:
        return f"{decision.id} undoes {decision.undoes}, which is no decision on this media."
    if target.order >= decision.order:
        return f"{decision.id} undoes {decision.undoes}, which is not earlier."
    return None


def lines_of_run(run: RunRecord, workspace: Workspace) -> list[Decision]:
    """Return all lines on the media of a run, undone ones included."""
    media_ids = {media_of(outcome, workspace) for outcome in run.outcomes}
    read = read_all_decisions(workspace, [name for name in media_ids if name is not None])
    return [line for own in read.values() for line in own]


def decisions_on(crops: Iterable[RunCrop], workspace: Workspace) -> dict[str, CropDecisions]:
    """Return the decisions on some crops of runs, by stem; crops without any are left out.

    Fast for a whole run: one listing of the workspace, and few reads per media with decisions.

    Raises:
        ArtifactError: the decisions on a media are damaged.
    """
    by_media: dict[str, list[RunCrop]] = defaultdict(list)
    for crop in crops:
        by_media[crop.crop.media_id].append(crop)
    decided: dict[str, CropDecisions] = {}
    for media_id, lines in read_all_decisions(workspace, by_media).items():
        own = by_media[media_id]
        mattes = {crop.stem: crop.matte for crop in own if crop.matte}
        decided |= place_decisions([crop.crop for crop in own], mattes, lines)
    return decided


def rulings_on(crops: Iterable[RunCrop], workspace: Workspace) -> dict[str, Ruling]:
    """Return what the decisions on some crops of runs come to, by stem."""
    return {stem: decided.ruling for stem, decided in decisions_on(crops, workspace).items()}
