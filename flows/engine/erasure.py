"""Erasure: everything that leads to a person, in every place of this installation, with proof."""

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from flows.engine.derived import Derived
from flows.engine.run_record import find_runs, run_folder
from tasks.common.files import digest_bytes
from tasks.common.schema.layout import parse_image
from tasks.common.settings import Settings
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.erase import Searched, erase_from_workspace, search_workspace
from tasks.common.workspace.needles import ERASED, Needles
from tasks.common.workspace.scratch import sweep_scratch
from tasks.common.workspace.takedowns import STEM_MEDIA, Takedown, Takedowns
from tasks.publish.task import (
    StoreErasure,
    VersionRegistry,
    describe_holding,
    erase_from_store,
    search_store,
)

_RUN_ID = 8  # digits of the flow run's id, with which a run's name ends
_LEFTOVER_S = 3600.0
EraseElsewhere = Callable[[Needles, tuple[str, ...], frozenset[str]], list[Searched]]


class Erasure(NamedTuple):
    """What was erased, what was searched after that, and the versions that remain.

    `n_files` counts those of the workspace and of this machine's scratch folder.
    """

    n_files: int
    store: StoreErasure
    searched: tuple[Searched, ...]

    @property
    def remaining(self) -> list[str]:
        """What still holds the person, each with what to do; empty after a complete erasure."""
        sentences = list(describe_holding(self.store.holding))
        sentences += [
            f"A publication or a collection is at work on the tree {tree_id}: erase again in an "
            "hour."
            for tree_id in self.store.busy
        ]
        sentences += [
            f"{place.place}: {len(place.found)} still name it, such as {place.found[0]}."
            for place in self.searched
            if place.found
        ]
        return sentences


def erase(
    record: Takedown,
    derived: Derived,
    workspace: Workspace,
    registry: VersionRegistry,
    settings: Settings,
    now: datetime,
    erase_elsewhere: EraseElsewhere,
) -> Erasure:
    """Erase what a takedown covers, which was recorded before: from then on nothing new comes.

    The record comes last. Until then it names what is to be erased, so that an erasure that was
    killed is repeated with the same words. After it the record holds salted digests only.
    `erase_elsewhere` erases in Prefect.
    """
    source_ids, media = _published(record, registry)
    names = {record.id, *record.source_ids, *derived.source_ids, *source_ids}
    needles = Needles(names, {*derived.media_ids, *media}, derived.sources)
    salt = record.salt or secrets.token_hex(16)
    run_ids = _runs_with(workspace, needles)
    n_files = erase_from_workspace(workspace, needles)
    n_files += sweep_scratch(settings, _LEFTOVER_S)
    in_store = erase_from_store(registry, needles, salt, now)
    elsewhere = erase_elsewhere(needles, tuple(sorted(names)), run_ids)
    _erase_records(needles, salt, workspace, registry)
    searched = (
        *search_workspace(workspace, needles),
        *search_store(registry, needles),
        *elsewhere,
    )
    return Erasure(n_files, in_store, searched)


def _published(record: Takedown, registry: VersionRegistry) -> tuple[set[str], set[str]]:
    """Return the sources, and the first digits of the media, that versions have of the person.

    A record that names nothing any more still recognises them by their digests.
    """
    source_ids, media = set[str](), set[str]()
    for subset in registry.names():
        for commit in registry.commits(subset):
            for file in registry.files(commit) or ():
                parsed, uploader = parse_image(file.name), file.provenance.uploader
                if parsed and record.covers_sample(parsed[1], file.source_id, uploader):
                    source_ids |= {file.source_id} if file.source_id else set()
                    media.add(parsed[1][:STEM_MEDIA])
    # Of a sample whose names were taken out before.
    return {name for name in source_ids if not name.startswith(ERASED)}, media


def _runs_with(workspace: Workspace, needles: Needles) -> frozenset[str]:
    """Return the ends of the names of the runs that had the person's sources."""
    names = ((run_id, f"{run_folder(run_id)}/run.json") for run_id in find_runs(workspace))
    return frozenset(
        run_id.rpartition("-")[2][:_RUN_ID]
        for run_id, path in names
        if needles.are_in_file(path, workspace.read(path))
    )


def _erase_records(
    needles: Needles, salt: str, workspace: Workspace, registry: VersionRegistry
) -> None:
    """Put records without names in place of all plain ones that name the person."""
    for number, record in enumerate(Takedowns.of(workspace, registry.store).records):
        if record.is_erased or not needles.are_in(json.dumps(record.model_dump(mode="json"))):
            continue
        # A salt of its own each, since it names the record.
        erased = record.erased(f"{salt}-{number}")
        data = erased.encode()
        workspace.write(erased.key, data)
        registry.store.put(erased.key, data, digest_bytes(data))
        # After the new ones: at no moment the takedown is not recorded.
        workspace.remove([record.key])
        registry.store.delete([record.key])
