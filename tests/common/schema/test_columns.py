"""A row of every table comes back from Parquet as it was, under the columns that it always had."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.common.files import write_file
from tasks.common.schema.boxes import Box
from tasks.common.schema.columns import (
    columns_of,
    from_table,
    sparse_columns_of,
    to_frame,
    to_table,
)
from tasks.common.schema.rows import (
    Admitted,
    Crop,
    Frame,
    JudgedCrop,
    Matte,
    MeasuredCrop,
    MediaRow,
    Pose,
    RunCrop,
)
from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.common.schema.tables import digest_table, encode_table, read_table
from tasks.common.schema.views import View

MEASURES = dict.fromkeys(MEASURED_RULES, None) | {"sharpness": 0.5}
MEDIA = MediaRow("m", "p", "d", 9, "video", "h264", 64, 48, "30000/1001", None, 90, "flat")
FRAME = Frame("f", "m", 1.5, 64, 48, "flat", "p", "d")
CROP = Crop(
    "c", "f", "m", 1.5, (64, 48), "flat", Box(1.25, 2, 9.5, 30), Box(0, 0, 12, 40), 0.9,
    (Box(20, 1, 30, 40.5),), "p", "d",
)  # fmt: skip
POSE = Pose("c", ((1.0, 2.5), (3.0, 4.0)), (0.1, 0.9), None, None, "blazepose", "d")
MATTE = Matte(
    "c", "a", "ad", "k", "kd", Box(1, 2, 11, 39), 0.0, 1.0, None, None, "u2netp", "d", "x"
)
MEASURED = MeasuredCrop("c", MEASURES, "00ff", "ff00")
JUDGED = JudgedCrop(
    "c", "drop", "sharpness", 0.5, 0.6, "It is blurred.", ("sharpness", "街"), None, MEASURES,
    "00ff", "ff00",
)  # fmt: skip
RUN_CROP = RunCrop("street", CROP, POSE, MATTE, JUDGED)
VIEWED = replace(
    CROP, captured_with="Insta360 ONE R", view=View("rectilinear", -170.25, 12.5, 40.125)
)
ROWS = [MEDIA, FRAME, CROP, POSE, MATTE, Admitted("c"), MEASURED, JUDGED, RUN_CROP]
ROWS += [VIEWED, replace(RUN_CROP, crop=VIEWED)]
NAMES = [f"{type(row).__name__}-{number}" for number, row in enumerate(ROWS)]


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_a_row_comes_back_from_parquet_as_it_was(row: Any, tmp_path: Path) -> None:
    write_file(tmp_path / "t.parquet", encode_table(to_table(type(row), [row, row])))
    assert from_table(type(row), read_table(tmp_path / "t.parquet")) == [row, row]


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_no_rows_are_a_table_with_all_columns_but_sparse_ones(row: Any) -> None:
    table = to_table(type(row), [])
    dtypes = table.to_pandas().dtypes
    absent = sparse_columns_of(type(row))
    expected = {name: kind for name, kind in columns_of(type(row)).items() if name not in absent}
    assert {name: str(dtype) for name, dtype in dtypes.items()} == expected
    assert from_table(type(row), table) == []


def test_a_crop_without_pose_and_mask_comes_back_without_them() -> None:
    row = replace(RUN_CROP, pose=None, matte=None)
    assert from_table(RunCrop, to_table(RunCrop, [row])) == [row]


def test_whole_px_stay_whole_and_fractions_stay_fractions() -> None:
    (row,) = to_frame(Crop, [CROP]).to_dict("records")
    assert row["crop_box_xyxy"] == "[0, 0, 12, 40]"
    assert row["person_box_xyxy"] == "[1.25, 2, 9.5, 30]"


def test_a_prefix_keeps_columns_of_the_same_name_apart() -> None:
    assert {"crop.crop_id", "matte.crop_id", "pose.mask_path"} <= columns_of(RunCrop).keys()


def test_a_table_of_an_older_version_is_refused_with_the_columns_that_it_lacks() -> None:
    table = to_table(JudgedCrop, [JUDGED]).drop_columns(["ghosting", "hash"])
    with pytest.raises(ValueError, match="lacks the columns ghosting, hash"):
        from_table(JudgedCrop, table)


def test_columns_that_a_newer_version_added_are_left_alone() -> None:
    table = to_table(Frame, [FRAME]).append_column("novelty", [[1]])
    assert from_table(Frame, table) == [FRAME]


@pytest.mark.parametrize(("kind", "row"), [(Crop, CROP), (RunCrop, RUN_CROP), (Frame, FRAME)])
def test_flat_sources_have_the_columns_that_they_had_before_spheres(kind: Any, row: Any) -> None:
    names = to_table(kind, [row]).column_names
    assert not [name for name in names if "view" in name or "captured_with" in name]


def test_a_sparse_column_is_there_as_soon_as_one_row_has_a_value() -> None:
    table = to_table(Crop, [CROP, VIEWED])
    assert table["view.yaw_deg"].to_pylist() == [None, -170.25]
    assert from_table(Crop, table) == [CROP, VIEWED]


def test_the_digest_of_a_flat_table_is_what_it_always_was() -> None:
    assert (
        digest_table(to_table(Crop, [CROP]))
        == "741d2c6bb04d4d0a83f587239ec44d789b1f43e98b8d2701641bcbc0ba97f07b"
    )
    assert (
        digest_table(to_table(MediaRow, [MEDIA]))
        == "42130bb62271c3d6bb43d4c06a38f3a72b6403c72a7733bb1fd7c0384b7b789c"
    )
