"""From the outcomes of a run to a published version, with other publishers at work."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from flows.engine.per_source import apply_people
from tasks.common.errors import ArtifactError, WorldError
from tasks.common.recipe.models import Recipe
from tasks.common.records import Publication, Source, SourceOutcome, StageResult
from tasks.common.schema.channels import is_human
from tasks.common.schema.layout import TreeFile, parse_image
from tasks.common.schema.published import BaseVersion, Published
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import is_corrected
from tasks.common.workspace.takedowns import Takedowns
from tasks.dataset.task import (
    apply_takedowns,
    check_pins,
    dataset,
    decisions_on_outcomes,
    key_of_inputs,
    named_samples,
)
from tasks.deduplicate.task import deduplicate
from tasks.publish.task import (
    Lineage,
    OvertakenError,
    TakenDownError,
    VersionRegistry,
    check_publishable,
    open_registry,
    point_channel,
    publish,
    read_base_version,
    read_others,
    retire_version,
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
    drop: Sequence[str] = (),
) -> Publication:
    """Publish what was kept as the next version of the recipe's subset.

    `drop` names samples or sources that this version and all later ones are without.

    The tree depends on its base version: samples stay in the split that they have there. A version
    that another publisher commits between `dataset` and `publish` makes the tree obsolete. Both
    steps are then repeated on the newer base version.

    Raises:
        InputError: there is nothing to publish, or the store refuses access.
        ArtifactError: corrections of annotators, or decisions of curators, cannot be applied.
        WorldError: the store failed, or another publisher was faster in every attempt.
    """
    workspace, registry = Workspace.of(settings()), open_registry(store)
    taken_down: list[Publication] = []
    try:
        for _ in range(_MAX_BUILDS):
            try:
                made = _publish_once(outcomes, recipe, store, now, revive, drop)
            except (OvertakenError, TakenDownError):
                continue
            # A second look: a takedown that was recorded between the last look and the commit finds
            # no version yet, and is found here.
            if not find_taken_down(made, workspace, registry):
                return made
            taken_down.append(made)
    finally:
        _retire_taken_down(taken_down, registry, now)
    raise WorldError(
        f"Other publishers committed a version during each of {_MAX_BUILDS} attempts; "
        "publish again."
    )


def _publish_once(
    outcomes: tuple[SourceOutcome, ...],
    recipe: Recipe,
    store: str,
    now: datetime,
    revive: bool,
    drop: Sequence[str],
) -> Publication:
    """Build a tree on the base version and publish it.

    Raises:
        OvertakenError: another publisher committed a version meanwhile.
        TakenDownError: something of it was taken down meanwhile.
    """
    workspace, publish_recipe = Workspace.of(settings()), recipe.publish
    # Everything is read again each time: a takedown, a test subset or a version may have come.
    takedowns = Takedowns.of(workspace, open_store(store))
    # Failed sources stay in `allowed`: a pin on one of them holds for its whole group.
    allowed = apply_takedowns(outcomes, takedowns, workspace)
    allowed = apply_human_work(allowed, recipe)
    completed = tuple(outcome for outcome in allowed if outcome.error is None)
    decisions = decisions_on_outcomes(completed, workspace)
    crops = deduplicate(completed, recipe.filter)
    report = review(completed, crops, recipe.filter, publish_recipe.name)
    drop_counts = count_drops(completed, crops, workspace)
    others = read_others(store, publish_recipe)
    inputs = key_of_inputs(allowed, recipe, others, drop, decisions)
    base = read_base_version(store, publish_recipe.name, inputs)
    published = Published(base, others)
    tree = dataset(allowed, crops, report, drop_counts, recipe, published, store, drop, decisions)
    dropped = tuple(sorted(base.dropped | named_samples(drop, base, crops)))
    lineage = Lineage(inputs, base.number, publish_recipe.against, dropped)
    made = publish(tree, recipe, lineage, store, now, revive)
    return made.model_copy(update={"n_uncorrected": count_uncorrected(tree, base, workspace)})


def find_taken_down(
    made: Publication, workspace: Workspace, registry: VersionRegistry
) -> list[str]:
    """Return the samples of a version that takedowns cover by now."""
    takedowns = Takedowns.of(workspace, registry.store)
    # Mostly there are none, and the table of files need not be read.
    files = registry.files_of_tree(made.tree_id) if takedowns.records else None
    return takedowns.covered(files or ())


def _retire_taken_down(
    taken_down: Sequence[Publication], registry: VersionRegistry, now: datetime
) -> None:
    """Retire the versions that this publication made of what was taken down meanwhile."""
    for made in taken_down:
        commit = registry.commit(made.name, made.version)
        if commit is None:
            continue
        others = [n for n in registry.numbers_in_use(made.name) if n != made.version]
        # Where nothing was left to publish `latest` points at it still.
        channels, _ = registry.channels(made.name)
        if others and any(channel.version == made.version for channel in channels.values()):
            earlier = registry.commit(made.name, others[-1])
            if earlier is not None:
                point_channel(registry, earlier)
        retire_version(registry, commit, "taken down while it was published", now)


def count_uncorrected(tree: StageResult, base: BaseVersion, workspace: Workspace) -> int:
    """Count the carried samples whose media have corrections here that they do not show.

    A correction merges into the mask that a run made. Without that run it waits until the source is
    ingested again.
    """
    names = [file.name for file in workspace.rows(TreeFile, tree) if file.path is None]
    parsed = [pair for pair in map(parse_image, names) if pair is not None]
    rows = [base.rows[stem] for _, stem in parsed]
    media = {row.media_id for row in rows if not is_human(row.channel)}
    corrected = {media_id for media_id in media if is_corrected(workspace, media_id)}
    return sum(row.media_id in corrected and not is_human(row.channel) for row in rows)


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
