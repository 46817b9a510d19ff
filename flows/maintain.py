"""Maintenance of a store: verify published versions, and collect garbage."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from tasks.common.errors import InputError, WorldError
from tasks.common.settings import settings
from tasks.publish.task import (
    GRACE,
    Garbage,
    Problem,
    collect_garbage,
    describe_garbage,
    open_ledger,
    verify_versions,
)

Check = Literal["listing", "deep", "no"]
Removal = Literal["report", "delete", "no"]
_MAX_ROWS = 500


@flow(name="maintain", flow_run_name="maintain-{verify}-gc-{garbage}")
def maintain(
    verify: Check = "listing",
    subset: str = "",
    garbage: Removal = "report",
    grace_days: Annotated[float, Field(ge=0)] = GRACE.days,
    store: str = "",
) -> State[Any]:
    """Check published versions, and remove what no version needs.

    Args:
        verify: listing compares the files in the store with what was published; deep also reads
            every byte; no skips the check.
        subset: Check only this subset or version (NAME or NAME@v3); empty checks all.
        garbage: report lists what no version needs; delete marks it, and deletes what was marked
            longer ago than the grace period; no skips it.
        grace_days: Days between marking and deletion. Must be longer than any publication takes.
        store: The store's address; empty takes MATTEFLOW_STORE.
    """
    address = store or settings().store
    try:
        ledger = open_ledger(address)
        ledger.require_any(subset.partition("@")[0])
        if "@" in subset:
            ledger.resolve(subset)
    except InputError as error:
        return Failed(name="BadInput", message=str(error))
    except WorldError as error:
        return Failed(name="StoreDown", message=str(error))
    sentences, problems = list[str](), list[Problem]()
    if verify != "no":
        labels, problems = verify_versions(address, subset, verify == "deep")
        _create_table("maintain-problems", "Files that differ from what was published.", problems)
        sentences.append(f"{len(labels)} versions checked, {len(problems)} problems.")
    if garbage != "no":
        items = collect_garbage(address, datetime.now(UTC), grace_days, garbage == "delete")
        _create_table("maintain-garbage", "What no version needs.", items)
        sentences.append(describe_garbage(items, delete=garbage == "delete"))
    message = " ".join(sentences) or "Nothing to do: both verify and garbage are no."
    if problems:
        return Failed(name="Damaged", message=f"{message} First: {problems[0].sentence}.")
    return Completed(message=message)


def _create_table(key: str, description: str, rows: Sequence[Problem | Garbage]) -> None:
    table = [{name: str(value) for name, value in row._asdict().items()} for row in rows]
    if len(table) > _MAX_ROWS:
        description = f"{description} {len(table)} rows, the first {_MAX_ROWS} shown."
    create_table_artifact(key=key, table=table[:_MAX_ROWS], description=description)
