"""The tasks of the publish room, and what flows and the command line call of it."""

from datetime import datetime, timedelta

from tasks.common.recipe.models import Recipe
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import Publication, StageResult
from tasks.common.schema.published import BaseVersion, OtherSubset
from tasks.common.schema.sample import KINDS
from tasks.common.settings import settings
from tasks.common.store.address import ATTEMPTS, open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.caching import run_task
from tasks.common.workspace.takedowns import Takedowns
from tasks.publish.channels import point_channel, remove_channels
from tasks.publish.commit import Lineage, OvertakenError, TakenDownError, commit_tree
from tasks.publish.diff import Diff, diff_versions
from tasks.publish.diff_page import render_diff
from tasks.publish.erase import (
    StoreErasure,
    describe_holding,
    erase_from_store,
    search_store,
)
from tasks.publish.gc import GRACE, Unreferenced, collect, describe_unreferenced
from tasks.publish.pull import Pulled, pull_version
from tasks.publish.read import find_base, find_others, read_base, read_other, read_samples
from tasks.publish.records import Commit
from tasks.publish.registry import LATEST, VersionRegistry, select_versions
from tasks.publish.retire import restore_version, retire_version
from tasks.publish.verify import Problem, verify_all, verify_version

__all__ = [
    "GRACE",
    "KINDS",
    "LATEST",
    "Commit",
    "Diff",
    "Lineage",
    "OvertakenError",
    "Problem",
    "Pulled",
    "StoreErasure",
    "TakenDownError",
    "Unreferenced",
    "VersionRegistry",
    "check_publishable",
    "collect",
    "collect_garbage",
    "describe_holding",
    "describe_unreferenced",
    "diff_versions",
    "erase_from_store",
    "open_registry",
    "point_channel",
    "publish",
    "pull_version",
    "read_base_version",
    "read_others",
    "read_samples",
    "remove_channels",
    "render_diff",
    "restore_version",
    "retire_version",
    "search_store",
    "select_versions",
    "sources_in_base",
    "verify_all",
    "verify_version",
    "verify_versions",
]


_INTERACTIVE_ATTEMPTS = 3  # a person waits at the command line


def open_registry(address: str, attempts: int = ATTEMPTS) -> VersionRegistry:
    """Open the version registry of the store at an address; `attempts` as in `open_store`.

    Raises:
        InputError: the address is of another kind, or the AWS configuration is not valid.
    """
    return VersionRegistry(open_store(address, attempts=attempts))


def check_publishable(store: str, recipe: PublishRecipe) -> None:
    """Make sure, before any work, that something can be published there by this recipe.

    Raises:
        InputError: the address is wrong, the store refuses, or the recipe names subsets that are
            not published.
        WorldError: the store does not answer.
    """
    registry = open_registry(store, _INTERACTIVE_ATTEMPTS)
    # The probe of `commit_tree` would come hours later, after downloads and models.
    registry.store.probe()
    find_others(registry, recipe)


def read_others(store: str, recipe: PublishRecipe) -> list[OtherSubset]:
    """Return the subsets that this recipe's must not overlap with; raises as `find_others`."""
    registry = open_registry(store)
    return [read_other(registry, commit) for commit in find_others(registry, recipe)]


def sources_in_base(registry: VersionRegistry, name: str) -> frozenset[str]:
    """Return the sources of which the newest version in use has samples; none before the first.

    Raises as `read_samples`.
    """
    numbers = registry.numbers_in_use(name)
    commit = registry.commit(name, numbers[-1]) if numbers else None
    rows = read_samples(registry, commit) if commit is not None else ()
    return frozenset(row.source_id for row in rows)


def read_base_version(store: str, name: str, inputs: str) -> BaseVersion:
    """Return the base version for these inputs; raises as `read_base`."""
    registry = open_registry(store)
    return read_base(registry, find_base(registry, name, inputs))


@run_task("publish")
def publish(
    tree: StageResult,
    recipe: Recipe,
    lineage: Lineage,
    store: str,
    now: datetime,
    revive: bool = False,
) -> Publication:
    """Publish a tree as the next version of the recipe's subset."""
    workspace, objects = Workspace.of(settings()), open_store(store)
    return commit_tree(
        tree,
        recipe.publish.name,
        workspace,
        objects,
        recipe_digest=recipe.digest,
        now=now,
        revive=revive,
        lineage=lineage,
        find_taken_down=lambda files: Takedowns.of(workspace, objects).covered(files),
    )


@run_task("verify")
def verify_versions(store: str, ref: str, deep: bool) -> tuple[list[str], list[Problem]]:
    """Compare versions with what was published; return their labels, and the problems."""
    return verify_all(open_registry(store), ref, deep=deep)


@run_task("gc")
def collect_garbage(
    store: str, now: datetime, grace_days: float, delete: bool
) -> list[Unreferenced]:
    """Find what no version needs; with `delete` mark it, or remove what is past its grace."""
    grace = timedelta(days=grace_days)
    return list(collect(open_registry(store), now, grace=grace, delete=delete))
