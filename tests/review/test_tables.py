"""The crops of a run as tables, byte for byte."""

import csv
import io
from pathlib import Path

import pytest

from tasks.common.recipe.models import load_recipe
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.schema.tables import VERDICTS, plain_rows, read_table
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.task import report
from tasks.review.tables import REVIEW, crops_table, encode_csv, review_table
from tests.dataset.builders import judged, source, subset_of, two_sources
from tests.dataset.crops import Crop

HEADER = b"crop_id,source_id,time_s,reason,value,bound,sentence,failed_rules\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_a_run_without_crops_has_tables_without_rows(workspace: Workspace) -> None:
    subset = subset_of(workspace)
    assert encode_csv(review_table(subset)) == HEADER
    assert (len(crops_table(subset)), list(crops_table(subset).columns)) == (
        0,
        ["source_id", *VERDICTS],
    )


def test_the_review_list_is_plain_csv(workspace: Workspace) -> None:
    shown = Crop(
        "c",
        "review",
        "mask_whole",
        "The largest part is 95 % of the mask.",
        value=0.95,
        bound=0.97,
        failed=("mask_whole", "contrast"),
    )
    subset = subset_of(workspace, judged(workspace, source("street"), [Crop("a"), shown]))
    assert encode_csv(review_table(subset)) == HEADER + (
        b"street-c,street,1.5,mask_whole,0.95,0.97,The largest part is 95 % of the mask.,"
        b'"[""mask_whole"", ""contrast""]"\n'
    )


def test_what_was_not_measured_is_an_empty_field(workspace: Workspace) -> None:
    shown = Crop("c", "review", "licence", "No licence.")
    subset = subset_of(workspace, judged(workspace, source("street"), [shown]))
    line = b'street-c,street,1.5,licence,,,No licence.,"[""licence""]"\n'
    assert encode_csv(review_table(subset)) == HEADER + line


@pytest.mark.parametrize("text", ['a, "b"', "two\nlines", "größer", "=1+1", ""])
def test_a_sentence_comes_back_as_it_was(text: str, workspace: Workspace) -> None:
    shown = Crop("c", "review", "sharpness", text)
    subset = subset_of(workspace, judged(workspace, source("street"), [shown]))
    (row,) = csv.DictReader(
        io.StringIO(encode_csv(review_table(subset)).decode("utf-8"), newline="")
    )
    assert (row["crop_id"], row["sentence"]) == ("street-c", text)


def test_the_review_list_goes_by_reason_and_then_by_name(workspace: Workspace) -> None:
    reasons = {"b": "sharpness", "a": "sharpness", "c": "exposure"}
    crops = [Crop(name, "review", reason, "Look.") for name, reason in reasons.items()]
    rows = plain_rows(
        review_table(subset_of(workspace, judged(workspace, source("street"), crops)))
    )
    assert [row["crop_id"] for row in rows] == ["street-c", "street-a", "street-b"]


def test_kept_and_dropped_crops_are_not_on_the_review_list(workspace: Workspace) -> None:
    table = review_table(subset_of(workspace, *two_sources(workspace)))
    assert [row["crop_id"] for row in plain_rows(table)] == ["street-c"]
    assert list(table.columns) == list(REVIEW)


def test_the_crops_table_holds_every_crop_with_its_verdict(workspace: Workspace) -> None:
    rows = plain_rows(crops_table(subset_of(workspace, *two_sources(workspace))))
    assert [(row["source_id"], row["crop_id"], row["verdict"]) for row in rows] == [
        ("street", "street-a", "keep"),
        ("street", "street-b", "drop"),
        ("street", "street-c", "review"),
        ("cafe", "cafe-a", "keep"),
        ("cafe", "cafe-b", "keep"),
    ]


def test_the_crops_table_holds_every_measure(workspace: Workspace) -> None:
    values = {rule: number / 100 for number, rule in enumerate(MEASURED_RULES)}
    crops = [Crop("a", measures=values), Crop("b", measures=dict.fromkeys(MEASURED_RULES))]
    rows = plain_rows(crops_table(subset_of(workspace, judged(workspace, source("s"), crops))))
    told = [{rule: row[rule] for rule in MEASURED_RULES} for row in rows]
    assert told == [values, dict.fromkeys(MEASURED_RULES)]


def test_the_crops_table_tells_the_last_word_on_a_near_duplicate(workspace: Workspace) -> None:
    outcomes = [judged(workspace, source(name), [Crop("a", hash=7)]) for name in ("one", "two")]
    table = crops_table(subset_of(workspace, *outcomes, near_duplicate={"min": 5}))
    told = [(row["verdict"], row["nearest_crop"]) for row in plain_rows(table)]
    assert told == [("keep", None), ("drop", "one-a")]


def test_the_report_of_a_run_has_both_tables_beside_it() -> None:
    workspace = Workspace.of(settings())
    page = report.fn(two_sources(workspace), load_recipe("demo"), "people", "", "runs/one")
    assert page == workspace.url("runs/one/report.html")
    folder = workspace.path("runs/one")
    assert sorted(path.name for path in folder.iterdir()) == [
        "crops.parquet",
        "report.html",
        "review.csv",
    ]
    assert len(read_table(folder / "crops.parquet")) == 5
    assert (folder / "review.csv").read_bytes().startswith(HEADER + b"street-c,street,")
