"""The record of a run: its request, the outcome of each source, its publication."""

from datetime import datetime

from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe
from tasks.common.records import Publication, Record, SourceOutcome
from tasks.common.workspace.artifacts import Workspace

_RECORD = "run.json"


class RunRecord(Record):
    """Stored as `<workspace>/runs/<run_id>/run.json`."""

    run_id: str
    started_at: datetime
    sources: str
    recipe: Recipe
    outcomes: tuple[SourceOutcome, ...]
    publication: Publication | None = None
    withheld: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[SourceOutcome, ...]:
        """The outcomes of the sources that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.error is not None)


def run_folder(run_id: str) -> str:
    """Return the folder of a run's record and pages, relative to the workspace."""
    return f"runs/{run_id}"


def write_page(workspace: Workspace, relative: str, html: str) -> str:
    """Write a page beside a run's record; return its URL.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        workspace.write(relative, html.encode())
    except OSError as error:
        raise InputError(
            f"{workspace.url(relative)} cannot be written ({error.strerror or error}); remove "
            "what is at that path, or make the folder writable."
        ) from error
    return workspace.url(relative)


def name_run(now: datetime, flow_run_id: str) -> str:
    """Name a run by its time and its flow run, so that names sort and never clash."""
    return f"{now:%Y%m%d-%H%M%S}-{flow_run_id[:8]}"


def save_run(record: RunRecord, workspace: Workspace) -> None:
    """Write the record in one atomic step."""
    path = f"{run_folder(record.run_id)}/{_RECORD}"
    workspace.write(path, record.model_dump_json(indent=1).encode())


def find_runs(workspace: Workspace) -> list[str]:
    """Return the names of all runs, oldest first."""
    paths = (name.split("/") for name in workspace.names("runs"))
    return sorted(parts[1] for parts in paths if parts[2:] == [_RECORD])


def load_run(workspace: Workspace, run_id: str | None) -> RunRecord:
    """Read a run's record; without a name the newest.

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
