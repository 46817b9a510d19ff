"""Takedowns apply to publications: no later version has what was taken down."""

from collections.abc import Iterable, Mapping
from typing import Any

from tasks.common.records import Source, SourceOutcome
from tasks.common.schema.published import BaseVersion
from tasks.common.schema.rows import MediaRow
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
    """Leave what was taken down out of what the next version takes over from the base version.

    These are samples to carry over, sources with the same bytes, and names in the split
    assignment, which every version repeats.
    """
    if not takedowns.records:
        return base
    rows = {
        stem: row
        for stem, row in base.rows.items()
        if takedowns.find(base.sources[row.source_id], row.media_id) is None
    }
    duplicates = {
        media_id: [
            entry for entry in entries if takedowns.find(_source_of(entry), media_id) is None
        ]
        for media_id, entries in base.duplicates.items()
    }
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
    )._replace(rows=rows, duplicates=duplicates)


def _source_of(entry: Mapping[str, Any]) -> Source:
    source_id = str(entry["source_id"])
    return Source(source_id=source_id, uri=source_id, uploader=entry.get("uploader"))


def media_of(outcome: SourceOutcome, workspace: Workspace) -> str | None:
    """Return the sha256 of a source's bytes; None where it was not downloaded."""
    download = outcome.result("download")
    return None if download is None else workspace.rows(MediaRow, download)[0].media_id
