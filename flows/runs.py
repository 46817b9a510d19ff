"""The record of a run: what was asked, what became of each source, what was published."""

from datetime import datetime
from pathlib import Path

from tasks.common.errors import InputError
from tasks.common.files import write_file
from tasks.common.recipe import Recipe
from tasks.common.records import Publication, Record, SourceOutcome


class RunRecord(Record):
    """Stored as `<workspace>/runs/<run_id>/run.json`."""

    run_id: str
    started_at: datetime
    sources: str
    recipe: Recipe
    outcomes: tuple[SourceOutcome, ...]
    publication: Publication | None = None

    @property
    def failed(self) -> tuple[SourceOutcome, ...]:
        """The sources that did not come through."""
        return tuple(outcome for outcome in self.outcomes if outcome.error is not None)


def run_folder(workspace: Path, run_id: str) -> Path:
    """Return the folder of a run's record and report."""
    return workspace / "runs" / run_id


def write_page(path: Path, html: str) -> None:
    """Write a page beside a run's record.

    Raises:
        InputError: it cannot be written there.
    """
    try:
        write_file(path, html.encode())
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}); remove what stands there, or "
            "make the folder writable."
        ) from error


def name_run(now: datetime, flow_run_id: str) -> str:
    """Name a run by its time and its flow run, so that names sort and never clash."""
    return f"{now:%Y%m%d-%H%M%S}-{flow_run_id[:8]}"


def save_run(record: RunRecord, workspace: Path) -> None:
    """Write the record, whole or not at all."""
    path = run_folder(workspace, record.run_id) / "run.json"
    write_file(path, record.model_dump_json(indent=1).encode())


def find_runs(workspace: Path) -> list[str]:
    """Return the names of all runs, oldest first."""
    return sorted(path.parent.name for path in (workspace / "runs").glob("*/run.json"))


def load_run(workspace: Path, run_id: str | None) -> RunRecord:
    """Read a run's record; without a name the newest.

    Raises:
        InputError: there is no such run, or its record cannot be read.
    """
    found = find_runs(workspace)
    if run_id is None and found:
        run_id = found[-1]
    if run_id not in found:
        known = ", ".join(found[-5:]) or "none yet; start one with `matteflow ingest`"
        wanted = f"no run {run_id}" if run_id else "no run yet"
        raise InputError(f"There is {wanted} in {workspace}. The last runs: {known}.")
    try:
        text = (run_folder(workspace, run_id) / "run.json").read_text(encoding="utf-8")
        return RunRecord.model_validate_json(text)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The record of run {run_id} cannot be read ({type(error).__name__}); it may come "
            "from another version. Run the ingest again: everything done is found again."
        ) from error
