"""The crops of a run as tables, byte for byte."""

import csv
import io
from pathlib import Path

import pytest

from tasks.common.printable import from_cell
from tasks.common.schema.columns import columns_of, plain_rows, sparse_columns_of
from tasks.common.schema.rows import JudgedCrop
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.workspace.artifacts import Workspace
from tasks.review.tables import ReviewRow, crops_table, encode_csv, review_table
from tests.dataset.builders import judged, source, two_sources
from tests.dataset.crops import Crop
from tests.deduplicate.builders import run_crop, run_crops

HEADER = b"crop_id,source_id,time_s,reason,value,bound,sentence,failed_rules\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_a_run_without_crops_has_tables_without_rows() -> None:
    assert encode_csv(review_table([])) == HEADER
    always = [name for name in columns_of(JudgedCrop) if name not in sparse_columns_of(JudgedCrop)]
    assert (len(crops_table([])), list(crops_table([]).columns)) == (0, ["source_id", *always])


def test_the_review_list_is_plain_csv() -> None:
    shown = Crop(
        "c",
        "review",
        "mask_whole",
        "The largest part is 95 % of the mask.",
        value=0.95,
        bound=0.97,
        failed=("mask_whole", "contrast"),
    )
    crops = [run_crop("street", Crop("a")), run_crop("street", shown)]
    assert encode_csv(review_table(crops)) == HEADER + (
        b"street-c,street,1.5,mask_whole,0.95,0.97,The largest part is 95 % of the mask.,"
        b'"[""mask_whole"", ""contrast""]"\n'
    )


def test_what_was_not_measured_is_an_empty_field(workspace: Workspace) -> None:
    shown = Crop("c", "review", "licence", "No licence.")
    crops = run_crops(workspace, judged(workspace, source("street"), [shown])).crops
    line = b'street-c,street,1.5,licence,,,No licence.,"[""licence""]"\n'
    assert encode_csv(review_table(crops)) == HEADER + line


@pytest.mark.parametrize("text", ['a, "b"', "two\nlines", "größer", "=1+1", ""])
def test_a_sentence_comes_back_as_it_was(text: str, workspace: Workspace) -> None:
    shown = Crop("c", "review", "sharpness", text)
    crops = run_crops(workspace, judged(workspace, source("street"), [shown])).crops
    (row,) = csv.DictReader(
        io.StringIO(encode_csv(review_table(crops)).decode("utf-8"), newline="")
    )
    # Spreadsheets would run `=1+1`; what reads the file takes the quote before it away.
    assert (row["crop_id"], from_cell(row["sentence"])) == ("street-c", text)
    assert row["sentence"] == (f"'{text}" if text.startswith("=") else text)


def test_the_review_list_goes_by_reason_and_then_by_name() -> None:
    reasons = {"b": "sharpness", "a": "sharpness", "c": "exposure"}
    crops = [Crop(name, "review", reason, "Look.") for name, reason in reasons.items()]
    rows = plain_rows(review_table([run_crop("street", crop) for crop in crops]))
    assert [row["crop_id"] for row in rows] == ["street-c", "street-a", "street-b"]


def test_kept_and_dropped_crops_are_not_on_the_review_list(workspace: Workspace) -> None:
    table = review_table(run_crops(workspace, *two_sources(workspace)).crops)
    assert [row["crop_id"] for row in plain_rows(table)] == ["street-c"]
    assert list(table.columns) == list(columns_of(ReviewRow))


def test_the_crops_table_holds_every_crop_with_its_verdict(workspace: Workspace) -> None:
    rows = plain_rows(crops_table(run_crops(workspace, *two_sources(workspace)).crops))
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
    run = run_crops(workspace, judged(workspace, source("s"), crops))
    rows = plain_rows(crops_table(run.crops))
    measures = [{rule: row[rule] for rule in MEASURED_RULES} for row in rows]
    assert measures == [values, dict.fromkeys(MEASURED_RULES)]


def test_the_crops_table_has_the_last_verdict_on_a_near_duplicate(workspace: Workspace) -> None:
    outcomes = [judged(workspace, source(name), [Crop("a", hash=7)]) for name in ("one", "two")]
    table = crops_table(run_crops(workspace, *outcomes, near_duplicate={"min": 5}).crops)
    verdicts = [(row["verdict"], row["nearest_crop"]) for row in plain_rows(table)]
    assert verdicts == [("keep", None), ("drop", "one-a")]
