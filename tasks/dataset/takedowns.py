"""Publications heed takedowns: what was taken down is in no version that comes after."""

from collections.abc import Iterable

from tasks.common.records import SourceOutcome
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.base_version import Past


def without_taken_down(
    outcomes: Iterable[SourceOutcome], takedowns: Takedowns, workspace: Workspace
) -> tuple[SourceOutcome, ...]:
    """Leave out sources that were taken down, by their names, their uploaders or their bytes."""
    if not takedowns.records:
        return tuple(outcomes)
    return tuple(
        outcome
        for outcome in outcomes
        if takedowns.find(outcome.source, media_of(outcome, workspace)) is None
    )


def forgetting(past: Past, takedowns: Takedowns) -> Past:
    """Leave out of what earlier versions say the names of what was taken down."""
    gone = {
        key
        for one in takedowns.records
        for key in (
            f"{one.kind} {one.id}",
            *(f"source {source_id}" for source_id in one.source_ids),
            *(f"media {media_id}" for media_id in one.media_ids),
        )
    }
    return past._replace(sides={key: side for key, side in past.sides.items() if key not in gone})


def media_of(outcome: SourceOutcome, workspace: Workspace) -> str | None:
    """Return the sha256 of a source's bytes; None where it did not come that far."""
    media = outcome.result("download")
    return None if media is None else str(workspace.items(media)["media_id"].iloc[0])
