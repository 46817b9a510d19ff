"""Takedowns apply to publications: no later version has what was taken down."""

from collections.abc import Iterable

from tasks.common.records import SourceOutcome
from tasks.common.schema.rows import MediaRow
from tasks.common.schema.sample import BaseVersion
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedowns


def apply_takedowns(
    outcomes: Iterable[SourceOutcome], takedowns: Takedowns, workspace: Workspace
) -> tuple[SourceOutcome, ...]:
    """Leave out sources that were taken down, by their names, their uploaders or their bytes."""
    if not takedowns.records:
        return tuple(outcomes)
    # Before grouping: what was taken down must not tie other sources either.
    return tuple(
        outcome
        for outcome in outcomes
        if takedowns.find(outcome.source, media_of(outcome, workspace)) is None
    )


def redact(base: BaseVersion, takedowns: Takedowns) -> BaseVersion:
    """Leave the names of what was taken down out of the split assignment of the base version.

    They would be published again otherwise, since every version repeats the assignment.
    """
    return base.without_keys(
        key
        for record in takedowns.records
        # Source ids and uploaders may be personal data. The record holds all ids that a takedown
        # covers, so that each of their keys is found.
        for key in (
            f"{record.kind} {record.id}",
            *(f"source {source_id}" for source_id in record.source_ids),
            *(f"media {media_id}" for media_id in record.media_ids),
        )
    )


def media_of(outcome: SourceOutcome, workspace: Workspace) -> str | None:
    """Return the sha256 of a source's bytes; None where it was not downloaded."""
    download = outcome.result("download")
    return None if download is None else workspace.rows(MediaRow, download)[0].media_id
