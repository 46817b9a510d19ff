"""The record of a run: its parameters, the outcome of each source, its publication."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.records import Publication, Record, Source, SourceOutcome
from tasks.common.workspace.artifacts import Workspace

_RECORD = "run.json"


class RunRecord(Record):
    """Stored as `<workspace>/runs/<run_id>/run.json`.

    `withheld` has a sentence for each source of the list that was taken down.
    """

    run_id: str
    started_at: datetime
    sources: str
    recipe: Recipe
    outcomes: tuple[SourceOutcome, ...]
    publication: Publication | None = None
    withheld: tuple[str, ...] = ()
    # Records of former versions have redacted addresses without a sign of what was cut off.
    tells_cut_addresses: bool = False

    @property
    def failed(self) -> tuple[SourceOutcome, ...]:
        """The outcomes of the sources that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.error is not None)

    @property
    def sources_by_id(self) -> dict[str, Source]:
        """The sources of the run by their ids."""
        return {outcome.source.source_id: outcome.source for outcome in self.outcomes}


def sources_of(outcomes: Iterable[SourceOutcome]) -> list[Source]:
    """Return the sources of outcomes, in their order."""
    return [outcome.source for outcome in outcomes]


def describe_failures(outcomes: Sequence[SourceOutcome]) -> str:
    """Return how many sources failed, and which, as a sentence; empty if none did."""
    failed = [outcome.source.source_id for outcome in outcomes if outcome.error is not None]
    if not failed:
        return ""
    return f"{len(failed)} of {len(outcomes)} sources failed: {', '.join(failed)}."


def run_folder(run_id: str) -> str:
    """Return the folder of a run's record and pages, relative to the workspace."""
    return f"runs/{run_id}"


def write_page(workspace: Workspace, relative: str, html: str) -> str:
    """Write a page into the folder of a run; return its URL.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        workspace.write(relative, html.encode())
    except OSError as error:
        raise InputError(
            f"{workspace.url(relative)} cannot be written ({error.strerror or error}); remove "
            "the existing file, or make the folder writable."
        ) from error
    return workspace.url(relative)


def name_run(now: datetime, flow_run_id: str) -> str:
    """Name a run by its time, by which names sort, and its flow run, which makes them unique."""
    return f"{now:%Y%m%d-%H%M%S}-{flow_run_id[:8]}"


def save_run(record: RunRecord, workspace: Workspace) -> None:
    """Write the record in one atomic step."""
    path = f"{run_folder(record.run_id)}/{_RECORD}"
    workspace.write(path, record.model_dump_json(indent=1).encode())


def find_runs(workspace: Workspace) -> list[str]:
    """Return the names of all runs, oldest first."""
    paths = (name.split("/") for name in workspace.names("runs"))
    # Only `runs/<id>/run.json` counts: a run that is not finished has batches, but no record.
    return sorted(parts[1] for parts in paths if parts[2:] == [_RECORD])


def load_run(workspace: Workspace, run_id: str | None) -> RunRecord:
    """Read the record of the named run, or of the newest run.

    Raises:
        InputError: there is no such run, or its record cannot be read.
    """
    if run_id is None:
        run_id = next(reversed(find_runs(workspace)), None)
    try:
        text = workspace.read(f"{run_folder(run_id)}/{_RECORD}") if run_id else None
        if text is not None:
            return RunRecord.model_validate_json(text)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The record of run {run_id} cannot be read ({type(error).__name__}); it may come "
            "from another version. Run the ingest again: it reuses all finished work."
        ) from error
    known = ", ".join(find_runs(workspace)[-5:]) or "none yet; start one with `matteflow ingest`"
    missing = f"no run {run_id}" if run_id else "no run yet"
    raise InputError(f"There is {missing} in {workspace.location}. The last runs: {known}.")


def find_publishing_run(name: str, version: int, workspace: Workspace) -> RunRecord:
    """Return the newest run that published a version.

    Raises:
        InputError: no run of this workspace did.
    """
    for run_id in reversed(find_runs(workspace)):
        record = load_run(workspace, run_id)
        published = record.publication
        if published is not None and (published.name, published.version) == (name, version):
            return record
    raise InputError(
        f"No run in {workspace.location} published {name}@v{version}. Use the workspace that did, "
        "or name a run."
    )


def find_outcome(source_id: str, run: str, workspace: Workspace) -> tuple[RunRecord, SourceOutcome]:
    """Return the named run, or the newest run with this source, and the source's outcome in it.

    Raises:
        InputError: the run does not exist, or no run had this source.
    """
    known: set[str] = set()
    for name in [run] if run else reversed(find_runs(workspace)):
        record = load_run(workspace, name)
        outcomes = {outcome.source.source_id: outcome for outcome in record.outcomes}
        if source_id in outcomes:
            return record, outcomes[source_id]
        known |= outcomes.keys()
    problem = f"The run {run} had no" if run else "No finished run had a"
    # 0.4 is lower than the default of 0.6: ids are long, and people type a part of them.
    similar = get_close_matches(source_id, known, n=3, cutoff=0.4) or sorted(known)[:5]
    raise InputError(
        f"{problem} source {source_id!r}. Similar ids: {', '.join(similar)}."
        if similar
        else f"{problem} source {source_id!r}; start an ingest first."
    )
