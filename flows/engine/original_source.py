"""The source of a recorded outcome with its whole address, which records do not keep."""

from flows.engine.run_record import RunRecord
from tasks.common.errors import InputError, MatteflowError
from tasks.common.records import Source, SourceOutcome
from tasks.common.uri import is_remote, is_shortened, redacted, stored
from tasks.common.workspace.artifacts import Workspace
from tasks.download.task import read_sources, with_whole_address


def find_original(
    outcome: SourceOutcome, record: RunRecord, workspace: Workspace, *, must_fetch: bool
) -> Source:
    """Return the source of an outcome with its whole address.

    It is kept in the workspace, or else stands in the run's source list. If it stands nowhere, the
    source is returned as it is recorded: its cached download needs no address.

    Raises:
        InputError: the bytes must be fetched, and the whole address is not known.
    """
    source = with_whole_address(outcome.source, workspace)
    is_certain = record.tells_cut_addresses and not is_shortened(source.uri)
    if is_certain or not is_remote(source.uri) or source.uri.startswith("s3:"):
        return source
    listed = _in_list(source, record)
    if listed is None and must_fetch:
        raise InputError(
            f"The run {record.run_id} recorded only the redacted address {redacted(source.uri)} of "
            f"{source.source_id}, and the list {record.sources} does not give the whole one. "
            "Ingest the list again."
        )
    return source if listed is None else source.model_copy(update={"uri": listed.uri})


def _in_list(source: Source, record: RunRecord) -> Source | None:
    """Return the source of this id and address as the run's list has it now, or None."""
    try:
        listed = read_sources(record.sources)
    except MatteflowError:  # moved, or a single address, which the record redacts
        return None
    # A record of a former version has no digest to compare with, only what is shown.
    name = stored if is_shortened(source.uri) else redacted
    same = (
        other
        for other in listed
        if other.source_id == source.source_id and name(other.uri) == name(source.uri)
    )
    return next(same, None)
