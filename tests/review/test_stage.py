"""What a run's pages and its version's files share is drawn once."""

from pathlib import Path
from typing import Any

import pytest

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome, StageResult
from tasks.common.schema.rows import ReviewFile
from tasks.common.schema.tables import read_table
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.stage import reuse_or_deduplicate
from tasks.review.contact_sheet import thumbnail
from tasks.review.stage import (
    published_files,
    reuse_or_review,
    review_key,
    sheet_uri,
    write_run_pages,
)
from tasks.review.task import report
from tests.dataset.builders import source, two_sources
from tests.review.builders import report_of
from tests.review.pages import Page

BOUNDS = RuleBounds()
HEADER = b"crop_id,source_id,time_s,reason,value,bound,sentence,failed_rules\n"
LOST = SourceOutcome(source=source("lost"), error="No video.", failed_stage="download")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _made(workspace: Workspace, *outcomes: SourceOutcome) -> tuple[StageResult, StageResult]:
    """Return the artifacts of `deduplicate` and `review` for these outcomes."""
    crops = reuse_or_deduplicate(outcomes, BOUNDS, workspace)
    return crops, reuse_or_review(outcomes, crops, BOUNDS, "people", workspace)


def _write(workspace: Workspace, *outcomes: SourceOutcome, **changes: str) -> Page:
    crops, review = _made(workspace, *outcomes)
    texts = {"title": "people: run 1", "note": "", "folder": "runs/1"} | changes
    write_run_pages(outcomes, crops, review, BOUNDS, workspace, **texts)
    return Page(workspace.path("runs/1/report.html").read_text())


def test_what_is_published_is_the_report_and_the_review_list(workspace: Workspace) -> None:
    outcomes = two_sources(workspace)
    files = published_files(_made(workspace, *outcomes)[1], workspace)
    assert files["report.html"].decode() == report_of(workspace, *outcomes)
    assert files["review.csv"].startswith(HEADER + b"street-c,street,")
    assert list(files) == ["report.html", "review.csv"]


def test_what_is_published_has_finished_sources_only(workspace: Workspace) -> None:
    outcomes = two_sources(workspace)
    files = published_files(_made(workspace, *outcomes, LOST)[1], workspace)
    assert files["report.html"].decode() == report_of(workspace, *outcomes)


def test_the_page_of_a_run_has_failed_sources_its_own_title_and_a_note(
    workspace: Workspace,
) -> None:
    page = _write(workspace, *two_sources(workspace), LOST, note="Published v1.")
    assert "lost failed in download 0 0 0 0 No video." in page.text
    assert "people: run 1" in page.text
    assert "Published v1." in page.text
    assert "in the list 3 sources" in page.text


def test_the_page_of_a_run_draws_nothing_again(workspace: Workspace) -> None:
    outcomes = (*two_sources(workspace), LOST)
    _, review = _made(workspace, *outcomes)
    for picture in [
        *workspace.root.glob("detect/*/*/*.jpg"),
        *workspace.root.glob("matte/*/*/*.png"),
    ]:
        picture.unlink()
    page = _write(workspace, *outcomes)
    published = Page(published_files(review, workspace)["report.html"].decode())
    assert page.all_of("img", "src") == published.all_of("img", "src")
    assert page.tags.count("img") == 5


def test_the_same_outcomes_are_drawn_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def counting(crop: Any, *arguments: Any) -> Any:
        drawn.append(crop.stem)
        return thumbnail(crop, *arguments)

    monkeypatch.setattr("tasks.review.report.thumbnail", counting)
    outcomes = two_sources(workspace)
    first = _made(workspace, *outcomes)
    assert len(drawn) == 5
    assert _made(workspace, *outcomes, LOST) == first
    assert len(drawn) == 5


def test_a_sheet_of_each_verdict_is_kept_with_the_report(workspace: Workspace) -> None:
    _, review = _made(workspace, *two_sources(workspace))
    names = [file.name for file in workspace.rows(ReviewFile, review)]
    assert [name for name in names if name.startswith("sheet-")] == [
        "sheet-drop.jpg",
        "sheet-keep.jpg",
        "sheet-review.jpg",
    ]
    assert sheet_uri(review, "keep", workspace).startswith("data:image/jpeg;base64,")


def test_another_title_bound_or_count_has_another_key(workspace: Workspace) -> None:
    first, second = two_sources(workspace)
    crops = reuse_or_deduplicate((first, second), BOUNDS, workspace)
    download = StageResult(
        stage="download", key="1", digest="2", n_in=1, n_kept=1, n_dropped=0, n_out=1
    )
    fetched = first.model_copy(update={"stages": (download, *first.stages)})
    other_bounds = RuleBounds.model_validate({"exposure": {"max": 0.5}})
    keys = {
        review_key((first, second), crops, BOUNDS, "people"),
        review_key((first, second), crops, BOUNDS, "others"),
        review_key((first, second), crops, other_bounds, "people"),
        review_key((fetched, second), crops, BOUNDS, "people"),
    }
    assert len(keys) == 4
    touched = download.model_copy(update={"key": "3"})
    again = first.model_copy(update={"stages": (touched, *first.stages)})
    assert review_key((again, second), crops, BOUNDS, "people") in keys


def test_the_report_of_a_run_has_both_tables_beside_it() -> None:
    workspace = Workspace.of(settings())
    outcomes = two_sources(workspace)
    crops, review = _made(workspace, *outcomes)
    page = report.fn(outcomes, crops, review, BOUNDS, "people", "", "runs/one")
    assert page == workspace.url("runs/one/report.html")
    folder = workspace.path("runs/one")
    assert sorted(path.name for path in folder.iterdir()) == [
        "crops.parquet",
        "report.html",
        "review.csv",
    ]
    assert len(read_table(folder / "crops.parquet")) == 5
    assert (folder / "review.csv").read_bytes().startswith(HEADER + b"street-c,street,")
