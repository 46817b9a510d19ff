"""Takedowns apply to publications: no later version has what was taken down."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tasks.common.records import Source, SourceOutcome
from tasks.common.schema.published import BaseVersion
from tasks.common.schema.rows import MediaRow
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.changelog import REDACTED

_STEM = re.compile(r"[0-9A-Za-z]{12,64}-[\w.-]*\w")


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

    These are samples to carry over, sources with the same bytes, names in the split assignment and
    stems in the history, which every version repeats.
    """
    records = takedowns.records
    if not records:
        return base
    taken = frozenset(
        stem
        for stem, row in base.rows.items()
        if takedowns.find(base.sources[row.source_id], row.media_id)
    )
    # A group key is `kind name`; see `group_keys`.
    gone = [key for key in base.splits if _is_named(*key.partition(" ")[::2], takedowns)]
    return base.without_keys(gone)._replace(
        taken_down=taken,
        rows={stem: row for stem, row in base.rows.items() if stem not in taken},
        duplicates={
            media_id: [e for e in entries if takedowns.find(_source_of(e), media_id) is None]
            for media_id, entries in base.duplicates.items()
        },
        changelog=_STEM.sub(
            lambda stem: REDACTED if takedowns.find_sample(stem[0], None, None) else stem[0],
            base.changelog,
        ),
    )


def _is_named(kind: str, name: str, takedowns: Takedowns) -> bool:
    return any(record.names(kind, name) for record in takedowns.records)


def _source_of(entry: Mapping[str, Any]) -> Source:
    source_id = str(entry["source_id"])
    return Source(source_id=source_id, uri=source_id, uploader=entry.get("uploader"))


def media_of(outcome: SourceOutcome, workspace: Workspace) -> str | None:
    """Return the sha256 of a source's bytes; None where it was not downloaded."""
    download = outcome.result("download")
    return None if download is None else workspace.rows(MediaRow, download)[0].media_id
