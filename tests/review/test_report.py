"""The report: one page that needs nothing else, shows everything, and trusts no text."""

import re
from pathlib import Path

import pytest

from tasks.common.html.pictures import evenly
from tasks.common.records import SourceOutcome, Verdict
from tasks.common.workspace.artifacts import Workspace
from tasks.review.funnel import funnel
from tasks.review.report import contact_sheets
from tests.dataset.builders import judged, source, two_sources
from tests.dataset.crops import Crop
from tests.deduplicate.builders import run_crops
from tests.review.builders import report_of
from tests.review.pages import Page

EVIL = "<script>alert(\"1\")</script> & 'more'"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _page(workspace: Workspace, *outcomes: SourceOutcome, note: str = "") -> Page:
    return Page(report_of(workspace, *outcomes, note=note))


def test_a_run_without_sources_has_a_page(workspace: Workspace) -> None:
    page = _page(workspace)
    assert "in the list 0 sources" in page.text
    assert "Nothing was dropped." in page.text
    assert "img" not in page.tags


def test_the_page_needs_no_other_file(workspace: Workspace) -> None:
    html = report_of(workspace, *two_sources(workspace))
    page = Page(html)
    assert [target[:23] for target in page.targets] == ["data:image/jpeg;base64,"] * 5
    assert {"script", "link", "iframe", "object"} & set(page.tags) == set()
    assert re.findall(r"https?://|url\(|@import", html) == []


def test_the_same_outcomes_give_the_same_bytes(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "another machine")
    pages = [report_of(w, *two_sources(w)) for w in (workspace, other)]
    assert pages[0] == pages[1]


def test_the_funnel_counts_what_every_stage_handed_on(workspace: Workspace) -> None:
    page = _page(workspace, *two_sources(workspace))
    for line in (
        "in the list 2 sources",
        "cropped 5 people",
        "matted 5 people",
        "kept or for review 4 people",
        "kept 3 people",
    ):
        assert line in page.text


def test_each_group_shows_its_crops_and_their_number(workspace: Workspace) -> None:
    page = _page(workspace, *two_sources(workspace))
    for group in ("kept 3", "review: mask_whole 1", "dropped: sharpness 1"):
        assert group in page.text
    assert page.tags.count("figure") == 5


def test_reasons_and_sentences_are_told(workspace: Workspace) -> None:
    page = _page(workspace, *two_sources(workspace))
    assert "filter sharpness 1 Its sharpness 0.001 is below 0.008." in page.text
    assert "The largest part is 95 % of the mask." in page.text


def test_a_source_that_failed_is_told_with_its_cause(workspace: Workspace) -> None:
    failed = SourceOutcome(source=source("broken"), error="No video.", failed_stage="download")
    page = _page(workspace, failed)
    assert "broken failed in download 0 0 0 0 No video." in page.text


def test_a_source_without_people_is_told(workspace: Workspace) -> None:
    page = _page(workspace, judged(workspace, source("empty"), []))
    assert "empty done 0 0 0 0 no person was found" in page.text


@pytest.mark.parametrize("verdict", ["keep", "drop", "review"])
def test_no_text_becomes_markup(verdict: Verdict, workspace: Workspace) -> None:
    crop = Crop(EVIL, verdict, None if verdict == "keep" else EVIL, EVIL)
    failed = SourceOutcome(source=source("broken"), error=EVIL, failed_stage="download")
    outcomes = (judged(workspace, source("street"), [crop]), failed)
    html = report_of(workspace, *outcomes, title=EVIL, note=EVIL)
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; &#39;more&#39;" in html
    assert "script" not in Page(html).tags


def test_the_page_is_the_same_markup_whatever_the_texts_say(workspace: Workspace) -> None:
    tags = [
        _page(workspace, judged(workspace, source(name), [Crop("a", "drop", text, text)])).tags
        for name, text in (("plain", "reason"), ("evil", EVIL))
    ]
    assert tags[0] == tags[1]


def test_a_crop_that_was_never_matted_is_shown_without_an_outline(workspace: Workspace) -> None:
    dropped = Crop("a", "drop", "sharpness", "No.", has_matte=False)
    page = _page(workspace, judged(workspace, source("street"), [dropped]))
    assert page.tags.count("figure") == 1


def test_the_page_counts_the_same_bytes_in_two_sources_once(workspace: Workspace) -> None:
    crops = [Crop("a"), Crop("b", "drop", "sharpness", "No.")]
    outcomes = [judged(workspace, source(name), crops, media="m") for name in ("one", "two")]
    page = _page(workspace, *outcomes)
    (shown,) = re.findall(r" kept (\d+) (?!people)", page.text.split("cause", 1)[1])
    crops_of_run = run_crops(workspace, *outcomes).crops
    assert funnel(outcomes, crops_of_run)[-1].n == int(shown) == 1


def test_there_is_a_sheet_for_each_verdict_that_a_crop_has(workspace: Workspace) -> None:
    run = run_crops(workspace, *two_sources(workspace))
    assert list(contact_sheets(run.crops, workspace)) == ["drop", "keep", "review"]
    assert list(contact_sheets(run.of("keep"), workspace)) == ["keep"]
    assert contact_sheets([], workspace) == {}


@pytest.mark.parametrize(
    ("n", "limit", "chosen"),
    [
        (0, 3, []),
        (3, 3, [0, 1, 2]),
        (4, 3, [0, 1, 2]),
        (9, 3, [0, 3, 6]),
        (100, 4, [0, 25, 50, 75]),
    ],
)
def test_a_long_list_is_shown_from_beginning_to_end(n: int, limit: int, chosen: list[int]) -> None:
    assert evenly(list(range(n)), limit) == chosen
