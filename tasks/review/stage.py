"""What people review, drawn once per run: the published report, the review list, pictures."""

from collections.abc import Sequence

from tasks.common.digests import content_key
from tasks.common.html.pictures import data_uri
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome, StageResult, Verdict
from tasks.common.schema.rows import ReviewFile
from tasks.common.schema.tables import encode_table
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace, reuse_or_make
from tasks.review import VERSION
from tasks.review.report import PICTURE_GROUPS, contact_sheets, draw_groups, render_report
from tasks.review.tables import crops_table, encode_csv, review_table

REPORT, REVIEW_LIST = "report.html", "review.csv"
"""The two files that are published with a version."""
_GROUPS = "groups.json"


def review_key(
    outcomes: Sequence[SourceOutcome], crops: StageResult, bounds: RuleBounds, title: str
) -> str:
    """Name the artifact by the crops, what the stages of finished sources counted, and the title.

    A download is named by its bytes alone, since its key changes whenever the file is touched.
    """
    # The stages count by key and digest: the report shows drops, which are no part of a table's
    # digest.
    parts = [
        [outcome.source.source_id, *map(_name_of, outcome.stages)]
        for outcome in _finished(outcomes)
    ]
    return content_key("review", VERSION, crops.key, crops.digest, parts, bounds, title)


def _name_of(result: StageResult) -> list[str]:
    return [result.stage, result.digest, "" if result.stage == "download" else result.key]


def _finished(outcomes: Sequence[SourceOutcome]) -> list[SourceOutcome]:
    return [outcome for outcome in outcomes if outcome.error is None]


def review_crops(
    outcomes: Sequence[SourceOutcome],
    crops: StageResult,
    bounds: RuleBounds,
    title: str,
    out: ArtifactWriter,
) -> StageResult:
    """Write report and review list as they are published, and the pictures that pages share.

    They show finished sources only: what failed is no part of a version. In = files.

    Raises:
        ArtifactError: a table or picture is gone or damaged.
    """
    workspace = out.workspace
    run = workspace.run_crops(crops)
    # Drawn once and stored: `write_run_pages` needs the same pictures, which take most of the time.
    groups = draw_groups(run.crops, workspace)
    page = render_report(_finished(outcomes), run, groups, bounds, workspace, title=title)
    files = {
        REPORT: page.encode(),
        REVIEW_LIST: encode_csv(review_table(run.crops)),
        _GROUPS: PICTURE_GROUPS.dump_json(groups),
    }
    for verdict, jpeg in contact_sheets(run.crops, workspace).items():
        files[_sheet(verdict)] = jpeg
    rows = [ReviewFile(name, *out.put(name, data)) for name, data in files.items()]
    return out.commit_rows(ReviewFile, rows, [], n_in=len(rows))


def _sheet(verdict: str) -> str:
    return f"sheet-{verdict}.jpg"


def reuse_or_review(
    outcomes: Sequence[SourceOutcome],
    crops: StageResult,
    bounds: RuleBounds,
    title: str,
    workspace: Workspace,
) -> StageResult:
    """Return the artifact from the workspace, or make it."""
    return reuse_or_make(
        workspace,
        "review",
        review_key(outcomes, crops, bounds, title),
        lambda out: review_crops(outcomes, crops, bounds, title, out),
    )


def published_files(review: StageResult, workspace: Workspace) -> dict[str, bytes]:
    """Return by name the files that a version publishes as they are."""
    return {name: _read(review, name, workspace) for name in (REPORT, REVIEW_LIST)}


def sheet_uri(review: StageResult, verdict: Verdict, workspace: Workspace) -> str:
    """Return the contact sheet of a verdict that some crop has, as a data URI."""
    return data_uri(_read(review, _sheet(verdict), workspace))


def _read(review: StageResult, name: str, workspace: Workspace) -> bytes:
    # Exactly one, or the artifact is from another version; a missing file must not pass silently.
    (file,) = [file for file in workspace.rows(ReviewFile, review) if file.name == name]
    return workspace.path(file.path).read_bytes()


def write_run_pages(
    outcomes: Sequence[SourceOutcome],
    crops: StageResult,
    review: StageResult,
    bounds: RuleBounds,
    workspace: Workspace,
    *,
    title: str,
    note: str,
    folder: str,
) -> str:
    """Write report, crops and review list of a run into a folder; return the report's address.

    The report is the published one with failed sources and a note. Its pictures are those that were
    drawn already: sources that failed have no crops.
    """
    run = workspace.run_crops(crops)
    groups = PICTURE_GROUPS.validate_json(_read(review, _GROUPS, workspace))
    # Rendered again, not copied: failed sources and the note are not in the published page.
    page = render_report(outcomes, run, groups, bounds, workspace, title=title, note=note)
    workspace.write(f"{folder}/{REPORT}", page.encode())
    workspace.write(f"{folder}/crops.parquet", encode_table(crops_table(run.crops)))
    workspace.write(f"{folder}/{REVIEW_LIST}", _read(review, REVIEW_LIST, workspace))
    return workspace.url(f"{folder}/{REPORT}")
