"""Maintenance of a store: verify published versions, and collect garbage."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from flows.engine.end_states import refusal
from flows.engine.prefect_artifacts import create_maintenance_artifact
from tasks.common.errors import InputError, WorldError
from tasks.common.settings import settings
from tasks.publish.task import (
    GRACE,
    Problem,
    collect_garbage,
    describe_unreferenced,
    open_registry,
    verify_versions,
)

Check = Literal["listing", "deep", "no"]
Removal = Literal["report", "delete", "no"]


@flow(name="maintain", flow_run_name="maintain-{verify}-gc-{garbage}")
def maintain(
    verify: Check = "listing",
    subset: str = "",
    garbage: Removal = "report",
    grace_days: Annotated[float, Field(ge=0)] = GRACE.days,
    store: str = "",
) -> State[Any]:
    """Check published versions, and remove files that no version needs.

    Args:
        verify: listing compares the files in the store with what was published; deep also reads
            every byte; no skips the check.
        subset: Check only this subset or version (NAME or NAME@v3); empty checks all.
        garbage: report lists the files that no version needs; delete marks them, and deletes those
            that were marked longer ago than the grace period; no skips this step.
        grace_days: Days between marking and deletion. Must be longer than any publication takes.
        store: The store's address; empty takes MATTEFLOW_STORE.
    """
    address = store or settings().store
    try:
        _require_subset(subset, address)
    except (InputError, WorldError) as error:
        return refusal(error)
    # Verified before garbage is collected, and reported even if the collection fails the run.
    checked, problems = _verify(address, subset, verify)
    collected = _collect(address, garbage, grace_days)
    message = " ".join(filter(None, (checked, collected)))
    if problems:
        return Failed(name="Damaged", message=f"{message} First: {problems[0].sentence}.")
    return Completed(message=message or "Nothing to do: both verify and garbage are no.")


def _require_subset(subset: str, address: str) -> None:
    """Require that the store has a version, and the named subset or version if one is named.

    Raises:
        InputError: there is none.
        WorldError: the store does not answer.
    """
    registry = open_registry(address)
    # A check of an empty store would pass, and a mistyped name with it.
    registry.require_any(subset.partition("@")[0])
    if "@" in subset:
        registry.resolve(subset)


def _verify(address: str, subset: str, verify: Check) -> tuple[str, list[Problem]]:
    """Compare versions with what was published; return a sentence and the problems."""
    if verify == "no":
        return "", []
    labels, problems = verify_versions(address, subset, verify == "deep")
    create_maintenance_artifact(
        "maintain-problems", "Files that differ from what was published.", problems
    )
    return f"{len(labels)} versions checked, {len(problems)} problems.", problems


def _collect(address: str, garbage: Removal, grace_days: float) -> str:
    """Report or remove files that no version needs; return a sentence."""
    if garbage == "no":
        return ""
    is_deleting = garbage == "delete"
    items = collect_garbage(address, datetime.now(UTC), grace_days, is_deleting)
    create_maintenance_artifact("maintain-garbage", "Files that no version needs.", items)
    return describe_unreferenced(items, delete=is_deleting)
