"""Laws of a run's crops: every crop ends in one place, and no two kept ones look alike."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.digests import content_key
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome, StageResult, Verdict
from tasks.common.schema.columns import encode_row, plain_rows
from tasks.common.schema.rows import JudgedCrop, RunCrop
from tasks.common.schema.run_crops import RunCrops
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.deduplicate.settle import settle
from tasks.deduplicate.stage import reuse_or_deduplicate
from tasks.filter.judge import judge_source
from tests.dataset.builders import source, verdicts_only
from tests.dataset.crops import Crop
from tests.deduplicate.builders import run_crop, run_crops_of

_LOOKS = (0x0123456789ABCDEF, 0xF0E1D2C3B4A59687)
# Hashes around two scenes, each shot from both sides of the mirror.
_HASHES = st.builds(
    lambda side, bits: (_LOOKS[side] ^ bits, _LOOKS[1 - side] ^ bits),
    st.integers(0, 1),
    st.integers(0, 0xFFF),
)
_VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(["keep", "keep", "keep", "drop", "review"])


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


def _settled(media: Sequence[str], crops: Sequence[list[Crop]], bounds: RuleBounds) -> RunCrops:
    """Return the crops of the same sources, in hand rather than on the disk."""
    judged = [
        run_crop(f"s{number}", crop, media=name)
        for number, (name, own) in enumerate(zip(media, crops, strict=False))
        for crop in own
    ]
    return settle(judged, bounds.near_duplicate)


def _filtered(workspace: Workspace, outcome: SourceOutcome) -> tuple[StageResult, list[JudgedCrop]]:
    final = outcome.result("filter")
    assert final is not None
    return final, workspace.rows(JudgedCrop, final)


_LISTS = st.lists(_crops(), min_size=4, max_size=4)


@settings(max_examples=20, deadline=None)
@given(_MEDIA, _LISTS, _limits())
def test_every_crop_of_a_run_is_kept_dropped_or_for_review_and_only_one_of_these(
    workspace: Workspace, media: list[str], crops: list[list[Crop]], bounds: RuleBounds
) -> None:
    outcomes = _outcomes(workspace, media, crops)
    run = run_crops_of(workspace, outcomes, bounds)
    accounted = [(drop.source_id, drop.item) for drop in run.drops]
    accounted += [
        (crop.source_id, crop.stem) for crop in run.crops if crop.verdict.verdict != "drop"
    ]
    everything = []
    for outcome in outcomes:
        final, rows = _filtered(workspace, outcome)
        accounted += [
            (outcome.source.source_id, row["item"]) for row in plain_rows(workspace.drops(final))
        ]
        everything += [(outcome.source.source_id, row.crop_id) for row in rows]
    assert sorted(accounted) == sorted(everything)


@settings(max_examples=20, deadline=None)
@given(_MEDIA, _LISTS, _limits())
def test_what_comes_in_is_kept_or_dropped(
    workspace: Workspace, media: list[str], crops: list[list[Crop]], bounds: RuleBounds
) -> None:
    outcomes = _outcomes(workspace, media, crops)
    result = reuse_or_deduplicate(outcomes, bounds, workspace)
    run = workspace.run_crops(result)
    let_through = [
        row
        for outcome in outcomes
        for row in _filtered(workspace, outcome)[1]
        if row.verdict != "drop"
    ]
    kept = [crop for crop in run.crops if crop.verdict.verdict != "drop"]
    assert (result.n_in, result.n_kept, result.n_dropped, result.n_out) == (
        len(let_through), len(kept), len(run.drops), len(run.crops),
    )  # fmt: skip


def _distance(worse: RunCrop, better: RunCrop) -> int:
    other = int(better.verdict.hash or "", 16)
    hashes = (worse.verdict.hash, worse.verdict.mirror_hash)
    return min((int(text or "", 16) ^ other).bit_count() for text in hashes)


def _rank(crop: RunCrop) -> tuple[float, float, str]:
    """Less cut first, then sharper, then by name; what could not be measured counts as worst."""
    measures = crop.verdict.measures
    cut = 1.0 if measures["frame_cut"] is None else measures["frame_cut"]
    return round(cut, 2), -(measures["sharpness"] or 0.0), crop.stem


@settings(deadline=None)
@given(_MEDIA, _LISTS, _limits())
def test_no_two_kept_crops_of_different_sources_lie_nearer_than_the_bounds(
    media: list[str], crops: list[list[Crop]], bounds: RuleBounds
) -> None:
    kept = sorted(_settled(media, crops, bounds).of("keep"), key=_rank)
    limits = bounds.near_duplicate
    bound = max(limits.min or 0.0, limits.review_min or 0.0) if limits else 0.0
    pairs = [(worse, better) for n, worse in enumerate(kept) for better in kept[:n]]
    distances = [_distance(*pair) for pair in pairs if pair[0].source_id != pair[1].source_id]
    assert [distance for distance in distances if distance < bound] == []


@settings(deadline=None)
@given(_MEDIA, _LISTS, _limits())
def test_each_near_duplicate_names_a_better_crop_that_is_not_dropped(
    media: list[str], crops: list[list[Crop]], bounds: RuleBounds
) -> None:
    by_id = {crop.stem: crop for crop in _settled(media, crops, bounds).crops}
    for crop in by_id.values():
        verdict = crop.verdict
        if verdict.reason == "near_duplicate":
            better = by_id[verdict.nearest_crop or ""]
            assert better.verdict.verdict != "drop"
            assert better.source_id == crop.near_source_id
            was_for_review = len(verdict.failed_rules) > 1
            assert was_for_review or _rank(better) < _rank(crop)
            assert verdict.value is not None
            assert verdict.bound is not None
            assert _distance(crop, better) == verdict.value < verdict.bound


@settings(max_examples=20, deadline=None)
@given(_crops(), _limits())
def test_what_the_filter_settled_within_one_source_stays_as_it_is(
    workspace: Workspace, crops: list[Crop], bounds: RuleBounds
) -> None:
    outcome = verdicts_only(workspace, source("one"), crops)
    _, stored = _filtered(workspace, outcome)
    measured = [crop.measured for crop in stored]
    rows = judge_source(measured, outcome.source, bounds, [crop.crop_id for crop in measured])
    out = ArtifactWriter(workspace, "filter", content_key("settled", list(map(encode_row, rows))))
    judged = out.commit_rows(JudgedCrop, rows, [], n_in=len(rows))
    outcome = outcome.model_copy(update={"stages": (*outcome.stages[:-1], judged)})
    run = run_crops_of(workspace, [outcome], bounds)
    assert [crop.verdict for crop in run.crops] == workspace.rows(JudgedCrop, judged)


@settings(deadline=None)
@given(st.lists(_crops(), min_size=3, max_size=3), _limits(), st.permutations(range(3)))
def test_the_order_of_the_sources_does_not_matter(
    crops: list[list[Crop]], bounds: RuleBounds, order: list[int]
) -> None:
    runs = (
        _settled("mno", crops, bounds),
        _settled(["mno"[place] for place in order], [crops[place] for place in order], bounds),
    )
    verdicts = [sorted((crop.stem, crop.verdict.verdict) for crop in run.crops) for run in runs]
    assert verdicts[0] == verdicts[1]
