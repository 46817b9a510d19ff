"""Reusing the measures of a finished run: whether they are valid for a recipe, judging by them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flows.engine.per_source import rejudge_source
from flows.engine.run_record import RunRecord, find_runs, load_run
from tasks.common.errors import ArtifactError, InputError
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import Recipe
from tasks.common.records import SourceOutcome
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.rulings import Ruling
from tasks.common.schema.run_crops import RunCrops
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.task import reuse_or_deduplicate, settle
from tasks.filter.rejudge_run import rejudge_run

# These parts of a recipe determine crops and measures. The filter and publish parts only decide
# about them, so stored measures stay valid when one of those changes.
_MEASURING_PARTS = ("download", "sample", "detect", "sphere", "pose", "matte")


def differing_parts(recipe: Recipe, reference: Recipe) -> list[str]:
    """Return the parts that determine crops and measures and differ between two recipes."""
    return [part for part in _MEASURING_PARTS if getattr(recipe, part) != getattr(reference, part)]


def require_same_measures(record: RunRecord, recipe: Recipe) -> None:
    """Require that a run's crops and measures are those that a recipe would produce.

    Raises:
        InputError: a part of the recipe that determines them differs from the run's.
    """
    differing = differing_parts(recipe, record.recipe)
    if differing:
        raise InputError(
            f"Run {record.run_id} was made with a different {' and '.join(differing)} part, so its "
            "measures are not valid for this recipe. Ingest with this recipe first."
        )


def require_measured(record: RunRecord, recipe: Recipe, workspace: Workspace) -> None:
    """Require that a run's crops can be judged by a recipe without running a model.

    Raises:
        InputError: the run's crops and measures differ from the recipe's, or the recipe admits
            crops that have no matte yet.
    """
    require_same_measures(record, recipe)
    run_crops = read_run_crops(record, workspace)
    # By the rules alone: the few crops that only a curator's decision admits are matted on the way.
    unmatted = judge_run(recipe.filter, record, run_crops, {}).unmatted
    if unmatted:
        raise InputError(
            f"{len(unmatted)} crops of run {record.run_id} pass these bounds before matting but "
            f"have no matte, such as {min(unmatted)}. Ingest with this recipe: only their mattes "
            "are computed."
        )


def read_run_crops(record: RunRecord, workspace: Workspace) -> RunCrops:
    """Return the crops of a run with their verdicts under the run's own recipe."""
    crops = reuse_or_deduplicate(record.outcomes, record.recipe.filter, workspace)
    return workspace.run_crops(crops)


class JudgedRun(NamedTuple):
    """The crops of a run with their final verdicts under some bounds.

    `unmatted` are the stems of crops that these bounds admit to matting but that have no matte.
    """

    crops: tuple[RunCrop, ...]
    unmatted: frozenset[str]


def judge_run(
    bounds: RuleBounds, record: RunRecord, run_crops: RunCrops, rulings: Mapping[str, Ruling]
) -> JudgedRun:
    """Judge the crops of a run by other bounds, from stored measures, duplicates included.

    `rulings` are what curators decided by now, by stem.
    """
    rejudged = rejudge_run(run_crops.crops, record.sources_by_id, bounds, rulings)
    settled = settle(rejudged.crops, bounds.near_duplicate, rejudged.unmatted)
    return JudgedRun(settled.crops, rejudged.unmatted)


def judge_outcome(outcome: SourceOutcome, recipe: Recipe) -> SourceOutcome:
    """Judge the crops of one source by another recipe, from stored measures.

    Raises:
        InputError: a stage failed on the way.
    """
    judged = rejudge_source(outcome, recipe)
    if judged.error is not None and outcome.error is None:
        raise InputError(
            f"{outcome.source.source_id} could not be judged by {recipe.name}: {judged.error} "
            "Ingest with this recipe instead."
        )
    return judged


def judge_outcomes(
    record: RunRecord, outcomes: Sequence[SourceOutcome], recipe: Recipe, workspace: Workspace
) -> tuple[SourceOutcome, ...]:
    """Return outcomes of a run as a recipe judges them; unchanged if it has the run's bounds.

    Raises:
        InputError: the run's measures do not suffice for this recipe.
    """
    if record.recipe.filter == recipe.filter:
        return tuple(outcomes)
    require_measured(record, recipe, workspace)
    return tuple(judge_outcome(outcome, recipe) for outcome in outcomes)


def find_measured_run(
    recipe: Recipe, run: str | None, workspace: Workspace
) -> tuple[RunRecord, RunCrops]:
    """Return the named run, or the newest run whose measures are valid for a recipe.

    Raises:
        InputError: there is no such run.
        ArtifactError: artifacts of the named run are missing, damaged or of another version.
    """
    if run:
        record = load_run(workspace, run)
        require_same_measures(record, recipe)
        return record, read_run_crops(record, workspace)
    n_unreadable = 0
    # Newest first: its artifacts are the most likely to exist still.
    for name in reversed(find_runs(workspace)):
        try:
            record = load_run(workspace, name)
            if differing_parts(recipe, record.recipe):
                continue
            run_crops = read_run_crops(record, workspace)
        # Old runs outlive their artifacts and the version that wrote them. The user did not name
        # this run, so it is skipped and counted instead of ending the search.
        except (InputError, ArtifactError):
            n_unreadable += 1
            continue
        # A run without crops would make every preview empty.
        if run_crops.crops:
            return record, run_crops
    unread = f" ({n_unreadable} could not be read)" if n_unreadable else ""
    raise InputError(
        f"No run in {workspace.location}{unread} has crops and was made with this recipe's "
        f"{', '.join(_MEASURING_PARTS)} parts, so there are no measures to judge by. Ingest with "
        "this recipe first; --publish never stops after the verdicts."
    )
