"""From the outcomes of a run to a published version, with other publishers at work."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from flows.engine.per_source import apply_people
from tasks.common.errors import ArtifactError, WorldError
from tasks.common.recipe.models import Recipe
from tasks.common.records import Publication, Source, SourceOutcome, StageResult
from tasks.common.schema.sample import Published
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.task import (
    apply_takedowns,
    check_pins,
    dataset,
    decisions_on_outcomes,
    key_of_inputs,
)
from tasks.deduplicate.task import deduplicate
from tasks.publish.task import (
    Lineage,
    OvertakenError,
    check_publishable,
    publish,
    read_base_version,
    read_others,
)
from tasks.review.task import Reason, all_drops, reasons, review

# A build is repeated each time another publisher commits a version between two of our steps.
# More than a handful of publishers of one subset at once is a mistake in a schedule.
_MAX_BUILDS = 10


def require_publishable(store: str, recipe: Recipe, sources: Iterable[Source]) -> None:
    """Require, before any work, that a store accepts these sources by this recipe.

    Raises:
        InputError: the address is wrong, the store refuses access, the recipe pins sources of one
            group to different splits, or it names subsets that are not published.
        WorldError: the store does not answer.
    """
    check_pins(sources, recipe.publish)
    check_publishable(store, recipe.publish)


def publish_outcomes(
    outcomes: tuple[SourceOutcome, ...],
    recipe: Recipe,
    store: str,
    now: datetime,
    revive: bool = False,
) -> Publication:
    """Publish what was kept as the next version of the recipe's subset.

    The tree depends on its base version: samples stay in the split that they have there. A version
    that another publisher commits between `dataset` and `publish` makes the tree obsolete. Both
    steps are then repeated on the newer base version.

    Raises:
        InputError: there is nothing to publish, or the store refuses access.
        ArtifactError: corrections of annotators, or decisions of curators, cannot be applied.
        WorldError: the store failed, or another publisher was faster in every attempt.
    """
    workspace, publish_recipe = Workspace.of(settings()), recipe.publish
    takedowns = Takedowns.of(workspace, open_store(store))
    # Failed sources stay in `allowed`: a pin on one of them holds for its whole group.
    allowed = apply_takedowns(outcomes, takedowns, workspace)
    allowed = apply_human_work(allowed, recipe)
    completed = tuple(outcome for outcome in allowed if outcome.error is None)
    # Outside of the loop: none of these depends on the base version.
    decisions = decisions_on_outcomes(completed, workspace)
    crops = deduplicate(completed, recipe.filter)
    report = review(completed, crops, recipe.filter, publish_recipe.name)
    drop_counts = count_drops(completed, crops, workspace)
    for _ in range(_MAX_BUILDS):
        # Read again each time: a test subset may have been published since, too.
        others = read_others(store, publish_recipe)
        inputs = key_of_inputs(allowed, recipe, others, decisions)
        base = read_base_version(store, publish_recipe.name, inputs)
        published = Published(base, others)
        tree = dataset(
            allowed, crops, report, drop_counts, recipe, published, store, decisions=decisions
        )
        lineage = Lineage(inputs, base.number, publish_recipe.against)
        try:
            return publish(tree, recipe, lineage, store, now, revive)
        except OvertakenError:
            continue
    raise WorldError(
        f"Other publishers committed a version during each of {_MAX_BUILDS} attempts; "
        "publish again."
    )


def apply_human_work(
    outcomes: Iterable[SourceOutcome], recipe: Recipe
) -> tuple[SourceOutcome, ...]:
    """Apply what annotators sent back, and curators decided, since these sources were filtered.

    Raises:
        ArtifactError: it cannot be applied to a source. A version without it would lose human work.
    """
    applied = []
    for outcome in outcomes:
        judged = apply_people(outcome, recipe)
        if judged.error is not None and outcome.error is None:
            raise ArtifactError(
                f"The corrections and decisions on {outcome.source.source_id} cannot be applied: "
                f"{judged.error}"
            )
        applied.append(judged)
    return tuple(applied)


def count_drops(
    outcomes: Sequence[SourceOutcome], crops: StageResult, workspace: Workspace
) -> list[Reason]:
    """Count the drops of all stages, by stage and reason."""
    return reasons(all_drops(outcomes, workspace.run_crops(crops), workspace))
