"""Decisions of curators on the crops of runs: recording them, reading what was decided."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from tasks.common.errors import InputError
from tasks.common.schema.decisions import Decision
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rulings import CropDecisions, place_decisions
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.decisions import DecisionLog, read_all_decisions
from tasks.common.workspace.takedowns import Takedowns


def record(
    decisions: Sequence[Decision], log: DecisionLog, workspace: Workspace, store: str
) -> list[Decision]:
    """Write decisions and return the new ones; after it no crash loses them.

    Raises:
        InputError: the media of one was taken down; nothing is written then.
        ArtifactError: earlier decisions are damaged.
        WorldError: workspace or store do not answer.
    """
    takedowns = Takedowns.of(workspace, open_store(store))
    gone = {media_id for record in takedowns.records for media_id in record.media_ids}
    for decision in decisions:
        if decision.media_id in gone:
            raise InputError(f"{decision.item or decision.media_id} was taken down meanwhile.")
    return log.append(decisions)


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
