"""Kept crops of different sources that nearly show the same: which stays, and what is said."""

from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import ArtifactError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Drop
from tasks.common.schema.tables import read_table
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.run_crops import Subset
from tests.dataset.builders import source, subset_of, verdicts_only
from tests.dataset.crops import Crop

LOOK = 0x0123456789ABCDEF
MIRROR = 0xF0E1D2C3B4A59687


def near(n_bits: int, look: int = LOOK) -> int:
    """Return a hash that differs from `look` in so many bits."""
    return look ^ ((1 << n_bits) - 1)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def _subset(workspace: Workspace, *lists: list[Crop], **limits: Any) -> Subset:
    """Return the crops of sources s0, s1, … under these bounds of near_duplicate."""
    outcomes = [
        verdicts_only(workspace, source(f"s{number}"), crops) for number, crops in enumerate(lists)
    ]
    return subset_of(workspace, *outcomes, **({"near_duplicate": limits} if limits else {}))


def _verdicts(subset: Subset) -> dict[str, str]:
    return {row["crop_id"]: row["verdict"] for _, row in subset.verdicts()}


@pytest.mark.parametrize("lists", [[], [[]], [[], []]], ids=["no source", "no crop", "no crops"])
def test_where_there_is_nothing_nothing_is_repeated(
    lists: list[list[Crop]], workspace: Workspace
) -> None:
    subset = _subset(workspace, *lists, min=5)
    assert (_verdicts(subset), list(subset.drops())) == ({}, [])


@pytest.mark.parametrize("limits", [{}, {"min": 0}], ids=["none", "min 0"])
def test_without_a_lower_bound_even_equal_pictures_are_all_kept(
    limits: dict[str, float], workspace: Workspace
) -> None:
    subset = _subset(workspace, *[[Crop("a", hash=LOOK)]] * 3, **limits)
    assert (set(_verdicts(subset).values()), list(subset.drops())) == ({"keep"}, [])


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
    found = _verdicts(_subset(workspace, *(pair if is_first else pair[::-1]), min=5))
    assert {name[3:]: verdict for name, verdict in found.items()} == {"good": "keep", "bad": "drop"}


def test_of_two_equally_good_the_first_by_name_stays(workspace: Workspace) -> None:
    subset = _subset(workspace, [Crop("a", hash=LOOK)], [Crop("a", hash=LOOK)], min=5)
    assert _verdicts(subset) == {"s0-a": "keep", "s1-a": "drop"}


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
    rows = [row for _, row in _subset(workspace, *pair, min=5, review_min=10).verdicts()]
    assert [(row["verdict"], row["bound"]) for row in rows] == [("keep", None), (verdict, bound)]


def test_a_band_without_a_minimum_drops_nobody(workspace: Workspace) -> None:
    pair = [Crop("a", hash=LOOK)], [Crop("a", hash=LOOK)]
    assert _verdicts(_subset(workspace, *pair, review_min=10)) == {"s0-a": "keep", "s1-a": "review"}


def test_a_drop_tells_value_bound_and_the_better_crop_with_its_source(workspace: Workspace) -> None:
    subset = _subset(workspace, [Crop("a", hash=LOOK)], [Crop("b", hash=near(3))], min=5)
    said = "A better crop differs in 3 of 64 bits only; the bound is 5. It is s0-a of s0."
    told = Drop(
        item="s1-b", stage="publish", reason="near_duplicate", value=3.0, bound=5.0, sentence=said
    )
    assert [(line.source_id, drop) for line, drop in subset.drops()] == [("s1", told)]


@pytest.mark.parametrize("limit", ["min", "review_min"])
def test_the_verdict_row_tells_the_same_as_the_drop(limit: str, workspace: Workspace) -> None:
    pair = [Crop("a", hash=LOOK)], [Crop("b", hash=near(3))]
    *_, (_, row) = _subset(workspace, *pair, **{limit: 5}).verdicts()
    assert (row["reason"], row["value"], row["bound"], row["near_duplicate"]) == (
        "near_duplicate", 3.0, 5.0, 3.0,
    )  # fmt: skip
    assert (row["nearest_crop"], row["failed_rules"]) == ("s0-a", '["near_duplicate"]')
    assert row["sentence"].endswith("It is s0-a of s0.")


def test_a_crop_for_review_is_no_drop(workspace: Workspace) -> None:
    pair = [Crop("a", hash=LOOK)], [Crop("b", hash=near(3))]
    assert list(_subset(workspace, *pair, review_min=5).drops()) == []


def test_a_mirror_image_counts(workspace: Workspace) -> None:
    plain = Crop("a", hash=LOOK, mirror=MIRROR)
    mirrored = Crop("b", hash=near(2, MIRROR), mirror=near(2, LOOK))
    (drop,) = [drop for _, drop in _subset(workspace, [plain], [mirrored], min=5).drops()]
    assert (drop.item, drop.value) == ("s1-b", 2.0)


def test_three_alike_keep_one_which_both_drops_name(workspace: Workspace) -> None:
    looks = ((0, 0.5), (1, 0.9), (3, 0.7))
    crops = [Crop("a", hash=near(bits), sharpness=sharp) for bits, sharp in looks]
    subset = _subset(workspace, *[[crop] for crop in crops], min=5)
    assert _verdicts(subset) == {"s0-a": "drop", "s1-a": "keep", "s2-a": "drop"}
    assert [drop.sentence.split("It is ")[1] for _, drop in subset.drops()] == ["s1-a of s1."] * 2


def test_what_is_near_a_dropped_crop_only_is_kept(workspace: Workspace) -> None:
    chain = [Crop("a", hash=near(bits)) for bits in (0, 4, 8)]
    found = _verdicts(_subset(workspace, *[[crop] for crop in chain], min=5))
    assert found == {"s0-a": "keep", "s1-a": "drop", "s2-a": "keep"}


@pytest.mark.parametrize("verdict", ["drop", "review"])
def test_a_crop_that_is_not_kept_displaces_nobody(verdict: str, workspace: Workspace) -> None:
    out = Crop("a", verdict, "exposure", "Too bright.", hash=LOOK, sharpness=0.9)
    subset = _subset(workspace, [out], [Crop("b", hash=LOOK)], min=5)
    assert _verdicts(subset) == {"s0-a": "drop", "s1-b": "keep"}


@pytest.mark.parametrize(
    ("verdict", "limits", "told"),
    [
        pytest.param("drop", {"min": 5}, ("drop", "exposure"), id="dropped already"),
        pytest.param("review", {"min": 5}, ("drop", "near_duplicate"), id="no need to review"),
        pytest.param("review", {"review_min": 5}, ("review", "exposure"), id="for review anyway"),
    ],
)
def test_beside_a_kept_twin(
    verdict: str, limits: dict[str, int], told: tuple[str, str], workspace: Workspace
) -> None:
    out = Crop("a", verdict, "exposure", "Too bright.", hash=LOOK, sharpness=0.1)
    subset = _subset(workspace, [out], [Crop("b", hash=LOOK)], **limits)
    rows = [(row["verdict"], row["reason"]) for _, row in subset.verdicts()]
    assert rows == [told, ("keep", None)]


def test_a_crop_without_a_hash_is_compared_with_none(workspace: Workspace) -> None:
    blank = Crop("a", measures={"hash": None, "mirror_hash": None})
    assert set(_verdicts(_subset(workspace, [blank], [blank], min=64)).values()) == {"keep"}


def test_the_same_bytes_in_two_sources_are_no_near_duplicates(workspace: Workspace) -> None:
    outcomes = [verdicts_only(workspace, source(name), [Crop("a")], media="m") for name in "xy"]
    subset = subset_of(workspace, *outcomes, near_duplicate={"min": 5})
    assert [drop.reason for _, drop in subset.drops()] == ["same_media"]
    assert _verdicts(subset) == {"m-a": "keep"}


def test_a_crop_that_is_set_aside_displaces_nobody(workspace: Workspace) -> None:
    """7 bits from the best is for review; what lies near that one and far from the best is kept."""
    best = Crop("a", hash=0, mirror=MIRROR, sharpness=0.9)
    aside = Crop("b", hash=0x7F, mirror=MIRROR ^ 0xFF00, sharpness=0.8)
    apart = Crop("c", hash=0x3FF, mirror=MIRROR ^ 0xFF0000, sharpness=0.7)
    found = _verdicts(_subset(workspace, [best], [aside], [apart], min=5, review_min=10))
    assert sorted(found.values()) == ["keep", "keep", "review"]


def test_a_crop_that_was_never_matted_displaces_nobody(workspace: Workspace) -> None:
    """Whether it will be kept is not known before it was matted."""
    outcomes = [
        verdicts_only(workspace, source("s0"), [Crop("a", hash=LOOK, sharpness=0.9)]),
        verdicts_only(workspace, source("s1"), [Crop("b", hash=LOOK, sharpness=0.1)]),
    ]
    bounds = RuleBounds.model_validate({"near_duplicate": {"min": 5}})
    subset = Subset(outcomes, workspace, bounds, unmatted={"s0-a"})
    assert _verdicts(subset) == {"s0-a": "keep", "s1-b": "keep"}


def test_verdicts_of_an_older_version_are_told(workspace: Workspace) -> None:
    outcome = verdicts_only(workspace, source("s0"), [Crop("a")])
    final = outcome.stages[-1]
    path = workspace.path(f"{workspace.folder(final.stage, final.key)}/items.parquet")
    read_table(path).drop(columns=["hash"]).to_parquet(path)
    with pytest.raises(ArtifactError, match=r"older version and lack hash\. Run the same"):
        list(subset_of(workspace, outcome).verdicts())
