"""Laws of a subset: every crop ends in one place, and no two kept ones look alike."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.digests import content_key
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome, StageResult
from tasks.common.schema.tables import MEASURES, VERDICTS, make_table, plain_rows
from tasks.common.similarity.picture_hash import quality
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.deduplicate.run_crops import Subset
from tasks.review.funnel import all_drops
from tests.dataset.builders import source, verdicts_only
from tests.dataset.crops import Crop, verdict_row
from tests.filter.builders import judge_rows

Row = dict[str, Any]
_LOOKS = (0x0123456789ABCDEF, 0xF0E1D2C3B4A59687)
# Hashes around two scenes, each shot from both sides of the mirror.
_HASHES = st.builds(
    lambda side, bits: (_LOOKS[side] ^ bits, _LOOKS[1 - side] ^ bits),
    st.integers(0, 1),
    st.integers(0, 0xFFF),
)
_VERDICTS = st.sampled_from(["keep", "keep", "keep", "drop", "review"])


@st.composite
def _crops(draw: st.DrawFn) -> list[Crop]:
    crops = []
    for number in range(draw(st.integers(0, 6))):
        verdict, (own, mirror) = draw(_VERDICTS), draw(_HASHES)
        crops.append(
            Crop(
                f"{number}",
                verdict,
                None if verdict == "keep" else "exposure",
                hash=own,
                mirror=mirror,
                sharpness=draw(st.sampled_from([0.3, 0.6, 0.9, None])),
                frame_cut=draw(st.sampled_from([0.0, 0.1, None])),
            )
        )
    return crops


@st.composite
def _limits(draw: st.DrawFn) -> RuleBounds:
    low, high = sorted(draw(st.tuples(*[st.integers(0, 26).map(lambda n: n / 2)] * 2)))
    near = draw(st.sampled_from([{}, {"min": low}, {"review_min": low}]))
    near = near | ({"review_min": high} if "min" in near and draw(st.booleans()) else {})
    return RuleBounds.model_validate({"near_duplicate": near} if near else {})


# Two sources with one media have the same crops, be their verdicts equal or not.
_MEDIA = st.lists(st.sampled_from(["m", "n", "o"]), max_size=4)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("workspace"))


def _outcomes(
    workspace: Workspace, media: Sequence[str], crops: Sequence[list[Crop]]
) -> tuple[SourceOutcome, ...]:
    return tuple(
        verdicts_only(workspace, source(f"s{number}"), own, media=name)
        for number, (name, own) in enumerate(zip(media, crops, strict=False))
    )


def _subset(media: Sequence[str], crops: Sequence[list[Crop]], bounds: RuleBounds) -> Subset:
    """Return the same sources with their verdicts in hand rather than on the disk."""
    rows = {
        f"s{number}": [verdict_row(crop, f"{name}-{crop.name}") for crop in own]
        for number, (name, own) in enumerate(zip(media, crops, strict=False))
        if own
    }
    final = StageResult(stage="filter", key="0", digest="0", n_in=0, n_kept=0, n_dropped=0, n_out=0)
    outcomes = [SourceOutcome(source=source(name), stages=(final,)) for name in rows]
    return Subset(outcomes, Workspace(Path("nowhere")), bounds, rows)


def _rows(workspace: Workspace, outcome: SourceOutcome) -> list[Row]:
    final = outcome.result("filter")
    assert final is not None
    return plain_rows(workspace.items(final))


_LISTS = st.lists(_crops(), min_size=4, max_size=4)


@settings(max_examples=20, deadline=None)
@given(_MEDIA, _LISTS, _limits())
def test_every_crop_of_a_run_is_kept_dropped_or_for_review_and_only_one_of_these(
    workspace: Workspace, media: list[str], crops: list[list[Crop]], bounds: RuleBounds
) -> None:
    outcomes = _outcomes(workspace, media, crops)
    subset = Subset(outcomes, workspace, bounds)
    told = [(drop["source_id"], drop["item"]) for drop in all_drops(subset)]
    told += [
        (line.source_id, row["crop_id"])
        for line, row in subset.verdicts()
        if row["verdict"] != "drop"
    ]
    everything = [
        (outcome.source.source_id, row["crop_id"])
        for outcome in outcomes
        for row in _rows(workspace, outcome)
    ]
    assert sorted(told) == sorted(everything)


def _distance(worse: Row, better: Row) -> int:
    other = int(better["hash"], 16)
    return min((int(worse[name], 16) ^ other).bit_count() for name in ("hash", "mirror_hash"))


@settings(deadline=None)
@given(_MEDIA, _LISTS, _limits())
def test_no_two_kept_crops_of_different_sources_lie_nearer_than_the_bounds(
    media: list[str], crops: list[list[Crop]], bounds: RuleBounds
) -> None:
    subset = _subset(media, crops, bounds)
    kept = [pair for pair in subset.verdicts() if pair[1]["verdict"] == "keep"]
    kept.sort(key=lambda pair: quality(pair[1]))
    limits = bounds.near_duplicate
    bound = max(limits.min or 0.0, limits.review_min or 0.0) if limits else 0.0
    pairs = [(worse, better) for n, worse in enumerate(kept) for better in kept[:n]]
    distances = [_distance(one[1], other[1]) for one, other in pairs if one[0] != other[0]]
    assert [distance for distance in distances if distance < bound] == []


@settings(deadline=None)
@given(_MEDIA, _LISTS, _limits())
def test_each_near_duplicate_names_a_better_crop_that_is_not_dropped(
    media: list[str], crops: list[list[Crop]], bounds: RuleBounds
) -> None:
    subset = _subset(media, crops, bounds)
    rows = {row["crop_id"]: row for _, row in subset.verdicts()}
    for row in rows.values():
        if row["reason"] == "near_duplicate":
            other = rows[row["nearest_crop"]]
            assert other["verdict"] != "drop"
            is_aside = len(json.loads(row["failed_rules"])) > 1
            assert is_aside or quality(other) < quality(row)
            assert _distance(row, other) == row["value"] < row["bound"]


@settings(max_examples=20, deadline=None)
@given(_crops(), _limits())
def test_what_the_filter_settled_within_one_source_stays_as_it_is(
    workspace: Workspace, crops: list[Crop], bounds: RuleBounds
) -> None:
    line = source("one")
    measures = [
        {name: row[name] for name in MEASURES}
        for row in _rows(workspace, verdicts_only(workspace, line, crops))
    ]
    rows = judge_rows(measures, line, bounds, matted=[row["crop_id"] for row in measures])
    out = ArtifactWriter(workspace, "filter", content_key("settled", rows))
    outcome = SourceOutcome(
        source=line, stages=(out.commit(make_table(rows, VERDICTS), [], n_in=len(rows)),)
    )
    settled = [row for _, row in Subset((outcome,), workspace, bounds).verdicts()]
    assert settled == _rows(workspace, outcome)


@settings(deadline=None)
@given(st.lists(_crops(), min_size=3, max_size=3), _limits(), st.permutations(range(3)))
def test_the_order_of_the_sources_does_not_matter(
    crops: list[list[Crop]], bounds: RuleBounds, order: list[int]
) -> None:
    found = [
        sorted((row["crop_id"], row["verdict"]) for _, row in subset.verdicts())
        for subset in (
            _subset("mno", crops, bounds),
            _subset(["mno"[place] for place in order], [crops[place] for place in order], bounds),
        )
    ]
    assert found[0] == found[1]
