"""Takedowns: record that a source or uploader must not be used any more, or lift the record."""

from datetime import datetime

from flows.engine.derived import Derived
from tasks.common.errors import InputError
from tasks.common.files import digest_bytes
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import remove_corrections
from tasks.common.workspace.decisions import remove_decisions
from tasks.common.workspace.takedowns import Takedown, TakedownKind, Takedowns
from tasks.publish.task import VersionRegistry


def take_down(
    kind: TakedownKind,
    name: str,
    reason: str,
    derived: Derived,
    workspace: Workspace,
    registry: VersionRegistry,
    now: datetime,
) -> Takedown:
    """Record a takedown in the workspace and in the store; both apply from now on.

    The masks that annotators drew of its media are removed: they show the people's outlines. So
    are the decisions of curators on its media: they may describe the people.

    A takedown that was erased before keeps its record, which names nothing.

    Raises:
        InputError: the reason is empty.
    """
    earlier = Takedowns.of(workspace, registry.store).record_of(kind, name)
    if earlier is not None and earlier.is_erased:
        return earlier
    reason = reason or (earlier.reason if earlier is not None else "")
    if not reason.strip():
        raise InputError("Give the reason with --reason; it is kept with the record.")
    record = Takedown(
        kind=kind,
        id=name,
        reason=reason.strip(),
        at=now.replace(microsecond=0),
        source_ids=derived.source_ids,
        media_ids=derived.media_ids,
    )
    data = record.encode()
    # Ingest reads the workspace; publishers on other machines read the store.
    workspace.write(record.key, data)
    registry.store.put(record.key, data, digest_bytes(data))
    # After the record: from it on nothing new of these media comes in.
    remove_corrections(workspace, derived.media_ids)
    remove_decisions(workspace, derived.media_ids)
    return record


def lift(kind: TakedownKind, name: str, workspace: Workspace, registry: VersionRegistry) -> None:
    """Remove the record of a takedown from workspace and store.

    Raises:
        InputError: there is no such takedown.
    """
    takedowns = Takedowns.of(workspace, registry.store)
    record = takedowns.record_of(kind, name)
    if record is None:
        raise InputError(f"There is no takedown of {kind} {name}. Known: {takedowns.names()}.")
    # Both, in the order in which they were written: either record alone still forbids the source.
    workspace.remove([record.key])
    registry.store.delete([record.key])
