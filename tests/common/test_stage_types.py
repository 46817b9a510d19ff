"""A stage refuses another stage's table: mypy says so, not a run after an hour."""

from pathlib import Path

import pytest
from mypy import api

from tasks.common.schema.columns import columns_of
from tasks.common.schema.rows import Crop, Frame, MeasuredCrop

SNIPPET = """\
from tasks.common.records import AdmittedTable, CropsTable, MattesTable
from tasks.common.recipe.models import MatteRecipe
from tasks.matte.stage import matte_key

def right(crops: CropsTable, screened: AdmittedTable, recipe: MatteRecipe) -> str:
    return matte_key(crops, screened, recipe)

def wrong(mattes: MattesTable, screened: AdmittedTable, recipe: MatteRecipe) -> str:
    return matte_key(mattes, screened, recipe)
"""


@pytest.mark.slow
def test_mattes_where_crops_belong_are_a_type_error(tmp_path: Path) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    output, _, status = api.run([str(snippet), "--follow-imports=silent"])
    assert status == 1
    assert output.count(": error:") == 1
    assert 'has incompatible type "MattesTable"; expected "CropsTable"' in output


def test_columns_of_frames_are_these() -> None:
    assert columns_of(Frame) == {
        "frame_id": "string", "media_id": "string", "time_s": "Float64", "width_px": "Int64",
        "height_px": "Int64", "projection": "string", "path": "string", "digest": "string",
        "labels_path": "string", "labels_digest": "string", "channel": "string",
    }  # fmt: skip


def test_columns_of_crops_are_these() -> None:
    names = (
        "crop_id frame_id media_id time_s frame_size_wh projection person_box_xyxy crop_box_xyxy "
        "confidence others_xyxy path digest given_path given_digest channel"
    )
    expected = dict.fromkeys(names.split(), "string") | {"time_s": "Float64"}
    assert columns_of(Crop) == expected | {"confidence": "Float64"}
    assert list(columns_of(Crop)) == names.split()


def test_columns_of_measures_begin_with_the_crop_and_end_with_its_hashes() -> None:
    columns = list(columns_of(MeasuredCrop))
    assert (columns[0], columns[-2:]) == ("crop_id", ["hash", "mirror_hash"])
