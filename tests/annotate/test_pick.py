"""Which masks go out, and in which order."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.annotate.pick import mask_margin, pick_crops
from tasks.common.errors import InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.schema.boxes import Box
from tasks.common.schema.rows import RunCrop
from tasks.common.similarity.tracks import find_tracks
from tests.annotate.builders import corrected, edited, mask_of, workspace, write_crops, write_mattes
from tests.annotate.orders import run_crops

BOUNDS = RuleBounds.model_validate({"mask_agreement": {"min": 0.5, "review_min": 0.6}})


def crop(
    name: str, agreement: float, *, x: float = 0, time_s: float = 0, **verdict: Any
) -> RunCrop:
    """Return a matted crop of the left person, `x` px from there."""
    template = run_crops()[0]
    person = Box(10 + x, 10, 40 + x, 70)
    judged = replace(
        template.verdict, crop_id=name, measures={"mask_agreement": agreement}, **verdict
    )
    row = replace(template.crop, crop_id=name, time_s=time_s, person_box_xyxy=person)
    assert template.matte is not None
    return replace(template, crop=row, matte=replace(template.matte, crop_id=name), verdict=judged)


def picks(crops: list[RunCrop], pick: str, limit: int | None = None) -> list[str]:
    return [entry.crop.stem for entry in pick_crops(crops, BOUNDS, pick, limit, workspace())]


@pytest.fixture
def crops() -> list[RunCrop]:
    return [
        crop("sure", 0.95, time_s=10),
        crop("kept", 0.7, time_s=20),
        crop("review", 0.55, time_s=30, verdict="review", failed_rules=("mask_agreement",)),
        crop("doubted", 0.4, time_s=40, verdict="drop", failed_rules=("mask_agreement",)),
        crop("blurred", 0.3, time_s=50, verdict="drop", failed_rules=("sharpness",)),
        replace(crop("unmatted", 0.1, time_s=60), matte=None),
    ]


@pytest.mark.parametrize(
    ("pick", "names"),
    [
        pytest.param("review", ["review"], id="review"),
        pytest.param("uncertain", ["doubted", "review", "kept", "sure"], id="uncertain"),
        pytest.param("all", ["review", "kept", "sure"], id="all"),
    ],
)
def test_the_least_sure_masks_come_first(crops: list[RunCrop], pick: str, names: list[str]) -> None:
    assert picks(crops, pick) == names


def test_a_limit_takes_the_first(crops: list[RunCrop]) -> None:
    assert picks(crops, "uncertain", 2) == ["doubted", "review"]


def test_one_of_each_track_comes_before_a_second_of_any() -> None:
    here = [crop(f"a{n}", 0.6 + n / 100, time_s=n / 5) for n in range(3)]
    there = [crop(f"b{n}", 0.8 + n / 100, x=100, time_s=n / 5) for n in range(2)]
    assert picks([*here, *there], "uncertain") == ["a0", "b0", "a1", "b1", "a2"]


def test_what_a_person_corrected_does_not_go_out_again_unless_a_file_names_it(
    tmp_path: Path,
) -> None:
    rows = write_crops()
    mattes = write_mattes(rows)
    corrected(rows, mattes, edited(mask_of(mattes), Box(0, 20, 6, 30)))
    left, right = run_crops()
    assert picks([left, right], "uncertain") == [right.stem]
    (tmp_path / "second-look.txt").write_text(f"# for bob\n{left.stem}\n\n")
    assert picks([left, right], str(tmp_path / "second-look.txt")) == [left.stem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(None, "expected review, uncertain, all or a file", id="no file"),
        pytest.param("nobody\n", "no mask of, such as nobody", id="unknown sample"),
    ],
)
def test_a_wrong_pick_is_refused(
    text: str | None, problem: str, crops: list[RunCrop], tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "list.txt").write_text(text)
    with pytest.raises(InputError, match=problem):
        picks(crops, str(tmp_path / "list.txt"))


@pytest.mark.parametrize(
    ("value", "margin"),
    [
        pytest.param(1.0, 1.0, id="the best value"),
        pytest.param(0.6, 0.0, id="on the bound"),
        pytest.param(0.4, -0.5, id="below it"),
    ],
)
def test_a_margin_is_measured_from_the_bound_for_review(value: float, margin: float) -> None:
    assert mask_margin(crop("a", value), BOUNDS) == margin


def test_a_track_ends_when_nobody_is_there_for_a_second_or_somebody_else_is() -> None:
    rows = [
        crop("a", 1, time_s=0.0).crop,
        crop("b", 1, time_s=0.5, x=5).crop,
        crop("elsewhere", 1, time_s=0.5, x=60).crop,
        crop("later", 1, time_s=2.0, x=5).crop,
    ]
    tracks = find_tracks(rows)
    assert tracks["a"] == tracks["b"]
    assert len({tracks["a"], tracks["elsewhere"], tracks["later"]}) == 3
