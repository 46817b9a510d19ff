"""Kept crops of different sources that nearly show the same: which stays, and what is said."""

from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import ArtifactError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceDrop, Verdict
from tasks.common.schema.run_crops import RunCrops
from tasks.common.schema.tables import read_table
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.settle import settle
from tests.dataset.builders import source, verdicts_only
from tests.dataset.crops import Crop
from tests.deduplicate.builders import run_crop, run_crops

LOOK = 0x0123456789ABCDEF
MIRROR = 0xF0E1D2C3B4A59687


def near(n_bits: int, look: int = LOOK) -> int:
    """Return a hash that differs from `look` in so many bits."""
    return look ^ ((1 << n_bits) - 1)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _run(workspace: Workspace, *lists: list[Crop], **limits: Any) -> RunCrops:
    """Return the crops of sources s0, s1, … under these bounds of near_duplicate."""
    outcomes = [
        verdicts_only(workspace, source(f"s{number}"), crops) for number, crops in enumerate(lists)
    ]
    return run_crops(workspace, *outcomes, **({"near_duplicate": limits} if limits else {}))


def _verdicts(run: RunCrops) -> dict[str, str]:
    return {crop.stem: crop.verdict.verdict for crop in run.crops}


@pytest.mark.parametrize("lists", [[], [[]], [[], []]], ids=["no source", "no crop", "no crops"])
def test_where_there_is_nothing_nothing_is_repeated(
    lists: list[list[Crop]], workspace: Workspace
) -> None:
    run = _run(workspace, *lists, min=5)
    assert (_verdicts(run), list(run.drops)) == ({}, [])


@pytest.mark.parametrize("limits", [{}, {"min": 0}], ids=["none", "min 0"])
def test_without_a_lower_bound_even_equal_pictures_are_all_kept(
    limits: dict[str, float], workspace: Workspace
) -> None:
    run = _run(workspace, *[[Crop("a", hash=LOOK)]] * 3, **limits)
    assert (set(_verdicts(run).values()), list(run.drops)) == ({"keep"}, [])


BETTER = [
    pytest.param({"frame_cut": 0.1}, {"frame_cut": 0.2, "sharpness": 0.9}, id="less cut"),
    pytest.param({"sharpness": 0.71}, {"sharpness": 0.7}, id="as cut and sharper"),
    pytest.param(
        {"frame_cut": 0.104, "sharpness": 0.71}, {"frame_cut": 0.1}, id="nearly as cut and sharper"
    ),
    pytest.param({"frame_cut": 0.99}, {"frame_cut": None}, id="cut and not measured"),
    pytest.param({"sharpness": 0.1}, {"sharpness": None}, id="soft and not measured"),
]


@pytest.mark.parametrize("is_first", [True, False], ids=["better first", "better last"])
@pytest.mark.parametrize(("better", "worse"), BETTER)
def test_the_better_of_two_stays(
    better: dict[str, Any], worse: dict[str, Any], is_first: bool, workspace: Workspace
) -> None:
    pair = [[Crop("good", hash=LOOK, **better)], [Crop("bad", hash=near(3), **worse)]]
    found = _verdicts(_run(workspace, *(pair if is_first else pair[::-1]), min=5))
    assert {name[3:]: verdict for name, verdict in found.items()} == {"good": "keep", "bad": "drop"}


def test_of_two_equally_good_the_first_by_name_stays(workspace: Workspace) -> None:
    run = _run(workspace, [Crop("a", hash=LOOK)], [Crop("a", hash=LOOK)], min=5)
    assert _verdicts(run) == {"s0-a": "keep", "s1-a": "drop"}


@pytest.mark.parametrize(
    ("n_bits", "verdict", "bound"),
    [
        pytest.param(0, "drop", 5.0, id="the same picture"),
        pytest.param(4, "drop", 5.0, id="below the minimum"),
        pytest.param(5, "review", 10.0, id="the minimum itself"),
        pytest.param(9, "review", 10.0, id="in the band"),
        pytest.param(10, "keep", None, id="the band's bound itself"),
        pytest.param(30, "keep", None, id="far away"),
    ],
)
def test_the_distance_decides(
    n_bits: int, verdict: str, bound: float | None, workspace: Workspace
) -> None:
    pair = [Crop("a", hash=LOOK)], [Crop("a", hash=near(n_bits))]
    crops = _run(workspace, *pair, min=5, review_min=10).crops
    decided = [(crop.verdict.verdict, crop.verdict.bound) for crop in crops]
    assert decided == [("keep", None), (verdict, bound)]


def test_a_band_without_a_minimum_drops_none(workspace: Workspace) -> None:
    pair = [Crop("a", hash=LOOK)], [Crop("a", hash=LOOK)]
    assert _verdicts(_run(workspace, *pair, review_min=10)) == {"s0-a": "keep", "s1-a": "review"}


def test_a_drop_has_value_bound_and_the_better_crop_with_its_source(workspace: Workspace) -> None:
    run = _run(workspace, [Crop("a", hash=LOOK)], [Crop("b", hash=near(3))], min=5)
    said = (
        "Its hash differs in only 3 of 64 bits from that of a better crop, s0-a (source s0); "
        "the bound is 5."
    )
    drop = SourceDrop(
        source_id="s1", item="s1-b", stage="deduplicate", reason="near_duplicate", value=3.0,
        bound=5.0,
        sentence=said,
    )  # fmt: skip
    assert run.drops == (drop,)


@pytest.mark.parametrize("limit", ["min", "review_min"])
def test_the_verdict_says_the_same_as_the_drop(limit: str, workspace: Workspace) -> None:
    pair = [Crop("a", hash=LOOK)], [Crop("b", hash=near(3))]
    crop = _run(workspace, *pair, **{limit: 5}).crops[-1]
    last = crop.verdict
    assert (last.reason, last.value, last.bound, last.measures["near_duplicate"]) == (
        "near_duplicate", 3.0, 5.0, 3.0,
    )  # fmt: skip
    assert (last.nearest_crop, crop.near_source_id) == ("s0-a", "s0")
    assert last.failed_rules == ("near_duplicate",)
    assert last.sentence is not None
    assert " s0-a (source s0); " in str(last.sentence)


def test_a_crop_for_review_is_no_drop(workspace: Workspace) -> None:
    pair = [Crop("a", hash=LOOK)], [Crop("b", hash=near(3))]
    assert _run(workspace, *pair, review_min=5).drops == ()


def test_a_mirror_image_counts(workspace: Workspace) -> None:
    plain = Crop("a", hash=LOOK, mirror=MIRROR)
    mirrored = Crop("b", hash=near(2, MIRROR), mirror=near(2, LOOK))
    (drop,) = _run(workspace, [plain], [mirrored], min=5).drops
    assert (drop.item, drop.value) == ("s1-b", 2.0)


def test_three_alike_keep_one_which_both_drops_name(workspace: Workspace) -> None:
    looks = ((0, 0.5), (1, 0.9), (3, 0.7))
    crops = [Crop("a", hash=near(bits), sharpness=sharp) for bits, sharp in looks]
    run = _run(workspace, *[[crop] for crop in crops], min=5)
    assert _verdicts(run) == {"s0-a": "drop", "s1-a": "keep", "s2-a": "drop"}
    names = [drop.sentence.split("a better crop, ")[1].split(";")[0] for drop in run.drops]
    assert names == ["s1-a (source s1)"] * 2


def test_what_is_near_a_dropped_crop_only_is_kept(workspace: Workspace) -> None:
    chain = [Crop("a", hash=near(bits)) for bits in (0, 4, 8)]
    found = _verdicts(_run(workspace, *[[crop] for crop in chain], min=5))
    assert found == {"s0-a": "keep", "s1-a": "drop", "s2-a": "keep"}


@pytest.mark.parametrize("verdict", ["drop", "review"])
def test_a_crop_that_is_not_kept_displaces_no_other(verdict: Verdict, workspace: Workspace) -> None:
    out = Crop("a", verdict, "exposure", "Too bright.", hash=LOOK, sharpness=0.9)
    run = _run(workspace, [out], [Crop("b", hash=LOOK)], min=5)
    assert _verdicts(run) == {"s0-a": "drop", "s1-b": "keep"}


@pytest.mark.parametrize(
    ("verdict", "limits", "expected"),
    [
        pytest.param("drop", {"min": 5}, ("drop", "exposure"), id="dropped already"),
        pytest.param("review", {"min": 5}, ("drop", "near_duplicate"), id="no need to review"),
        pytest.param("review", {"review_min": 5}, ("review", "exposure"), id="for review anyway"),
    ],
)
def test_beside_a_kept_twin(
    verdict: Verdict, limits: dict[str, int], expected: tuple[str, str], workspace: Workspace
) -> None:
    out = Crop("a", verdict, "exposure", "Too bright.", hash=LOOK, sharpness=0.1)
    crops = _run(workspace, [out], [Crop("b", hash=LOOK)], **limits).crops
    last = [(crop.verdict.verdict, crop.verdict.reason) for crop in crops]
    assert last == [expected, ("keep", None)]


def test_a_crop_without_a_hash_is_compared_with_none(workspace: Workspace) -> None:
    blank = Crop("a", has_hash=False)
    assert set(_verdicts(_run(workspace, [blank], [blank], min=64)).values()) == {"keep"}


def test_the_same_bytes_in_two_sources_are_no_near_duplicates(workspace: Workspace) -> None:
    outcomes = [verdicts_only(workspace, source(name), [Crop("a")], media="m") for name in "xy"]
    run = run_crops(workspace, *outcomes, near_duplicate={"min": 5})
    assert [drop.reason for drop in run.drops] == ["same_media"]
    assert _verdicts(run) == {"m-a": "keep"}


def test_a_crop_for_review_displaces_no_other(workspace: Workspace) -> None:
    """7 bits from the best is for review; what lies near that one and far from the best is kept."""
    best = Crop("a", hash=0, mirror=MIRROR, sharpness=0.9)
    aside = Crop("b", hash=0x7F, mirror=MIRROR ^ 0xFF00, sharpness=0.8)
    apart = Crop("c", hash=0x3FF, mirror=MIRROR ^ 0xFF0000, sharpness=0.7)
    found = _verdicts(_run(workspace, [best], [aside], [apart], min=5, review_min=10))
    assert sorted(found.values()) == ["keep", "keep", "review"]


def test_a_crop_that_was_never_matted_displaces_no_other() -> None:
    """Whether it will be kept is not known before it was matted."""
    crops = [
        run_crop("s0", Crop("a", hash=LOOK, sharpness=0.9)),
        run_crop("s1", Crop("b", hash=LOOK, sharpness=0.1)),
    ]
    limits = RuleBounds.model_validate({"near_duplicate": {"min": 5}}).near_duplicate
    assert _verdicts(settle(crops, limits, unmatted={"s0-a"})) == {"s0-a": "keep", "s1-b": "keep"}
    assert _verdicts(settle(crops, limits)) == {"s0-a": "keep", "s1-b": "drop"}


def test_verdicts_of_another_version_are_refused(workspace: Workspace) -> None:
    outcome = verdicts_only(workspace, source("s0"), [Crop("a")])
    final = outcome.stages[-1]
    path = workspace.path(f"{workspace.folder(final.stage, final.key)}/items.parquet")
    read_table(path).to_pandas().drop(columns=["hash"]).to_parquet(path)
    with pytest.raises(
        ArtifactError, match=r"another version: .* lacks the columns hash\. Run the"
    ):
        run_crops(workspace, outcome)
