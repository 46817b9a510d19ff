"""Everything that is derived from a source or an uploader: media, crops, published samples."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

from flows.engine.run_record import find_runs, load_run
from tasks.common.errors import ArtifactError, InputError
from tasks.common.records import Source, SourceOutcome
from tasks.common.schema.layout import parse_image
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import count_corrections
from tasks.common.workspace.decisions import count_decisions
from tasks.common.workspace.takedowns import STEM_MEDIA, Takedown, TakedownKind, Takedowns
from tasks.dataset.task import media_of
from tasks.download.task import known_sources
from tasks.publish.task import VersionRegistry


class AffectedVersion(NamedTuple):
    """A published version with samples that are derived from the source or uploader."""

    label: str
    n_samples: int
    is_retired: bool


class Derived(NamedTuple):
    """What is derived from a source or an uploader; the ids are sorted."""

    source_ids: tuple[str, ...]
    media_ids: tuple[str, ...]
    crop_ids: tuple[str, ...]
    n_corrections: int
    sources: tuple[Source, ...]  # as lists said of them, every wording once
    versions: tuple[AffectedVersion, ...]
    n_decisions: int = 0


def find_derived(
    kind: TakedownKind, name: str, workspace: Workspace, registry: VersionRegistry
) -> Derived:
    """Find the sources, media, crops and versions that are derived from a source or an uploader.

    Three places are searched, since each may have lost what another still has: earlier records of
    the same takedown, the seen sources, and the records of runs.
    """
    previous = Takedowns.of(workspace, registry.store).record_of(kind, name)
    source_ids, media_ids = _recorded(kind, name, previous)
    # Before the runs: an uploader's sources that are found here widen `source_ids`, by which runs
    # are matched.
    for known in known_sources(workspace):
        if _is_affected(known.source, kind, name, source_ids):
            source_ids.add(known.source.source_id)
            media_ids.add(known.media_id)
    sources: dict[str, Source] = {}
    for known in known_sources(workspace):
        if _is_affected(known.source, kind, name, source_ids):
            sources[known.source.model_dump_json()] = known.source
    crop_ids: set[str] = set()
    for outcome in _outcomes(workspace):
        if _is_affected(outcome.source, kind, name, source_ids):
            source_ids.add(outcome.source.source_id)
            sources[outcome.source.model_dump_json()] = outcome.source
            media_ids |= _media_ids(outcome, workspace)
            crop_ids |= _crop_ids(outcome, workspace)
    uploader = name if kind == "uploader" else None
    versions = tuple(_affected_versions(registry, media_ids, source_ids, uploader))
    return Derived(
        tuple(sorted(source_ids)),
        tuple(sorted(media_ids)),
        tuple(sorted(crop_ids)),
        count_corrections(workspace, media_ids),
        tuple(sources.values()),
        versions,
        count_decisions(workspace, media_ids),
    )


def require_known(
    kind: TakedownKind, name: str, derived: Derived, workspace: Workspace, registry: VersionRegistry
) -> None:
    """Require that something is known of a source or uploader: a mistyped name protects nobody.

    Raises:
        InputError: neither the workspace nor the store knows it; the sentence names similar ones.
    """
    if derived.media_ids or derived.versions or (kind == "uploader" and derived.source_ids):
        return
    # Of what was erased nothing but the record is left.
    if Takedowns.of(workspace, registry.store).record_of(kind, name) is not None:
        return
    known = _known_names(kind, workspace, registry)
    if name in known:
        return
    # 0.4 is lower than the default of 0.6: a person may give a part of a name.
    similar = get_close_matches(name, known, n=5, cutoff=0.4) or sorted(known)[:20]
    raise InputError(
        f"No {kind} {name!r} is known here. Known: {', '.join(similar) or 'none'}. To forbid a "
        f"{kind} that has not come yet, add --in-advance."
    )


def _known_names(kind: TakedownKind, workspace: Workspace, registry: VersionRegistry) -> set[str]:
    """Return all sources or uploaders that workspace and store know."""
    sources = [known.source for known in known_sources(workspace)]
    sources += [outcome.source for outcome in _outcomes(workspace)]
    names = {source.source_id if kind == "source" else source.uploader for source in sources}
    for subset in registry.names():
        for commit in registry.commits(subset):
            for file in registry.files(commit) or ():
                names.add(file.source_id if kind == "source" else file.provenance.uploader)
    return {name for name in names if name}


def _recorded(
    kind: TakedownKind, name: str, previous: Takedown | None
) -> tuple[set[str], set[str]]:
    """Return the source ids and media ids that are known without any search.

    A repeated takedown keeps the ids of the earlier one: by now its runs may have been deleted.
    """
    source_ids = {name} if kind == "source" else set[str]()
    if previous is None:
        return source_ids, set()
    return source_ids | set(previous.source_ids), set(previous.media_ids)


def _is_affected(source: Source, kind: TakedownKind, name: str, source_ids: set[str]) -> bool:
    is_by_uploader = kind == "uploader" and source.uploader == name
    return is_by_uploader or source.source_id in source_ids


def _outcomes(workspace: Workspace) -> Iterator[SourceOutcome]:
    """Yield the outcomes of all runs whose records can be read."""
    # Newest runs do not suffice: a source may have been in an old one only.
    for run in find_runs(workspace):
        try:
            yield from load_run(workspace, run).outcomes
        # A record of another version cannot be parsed; `known_sources` still lists its sources.
        except InputError:
            continue


def _media_ids(outcome: SourceOutcome, workspace: Workspace) -> set[str]:
    try:
        media_id = media_of(outcome, workspace)
    except ArtifactError:  # the artifact was deleted or damaged since
        return set()
    return {media_id} if media_id else set()


def _crop_ids(outcome: SourceOutcome, workspace: Workspace) -> set[str]:
    crops = outcome.crops
    try:
        return set() if crops is None else set(map(str, workspace.items(crops)["crop_id"]))
    except ArtifactError:  # the artifact was deleted or damaged since
        return set()


def _affected_versions(
    registry: VersionRegistry, media_ids: set[str], source_ids: set[str], uploader: str | None
) -> Iterator[AffectedVersion]:
    """Yield the versions of all subsets that contain samples of these media, sources or uploader.

    A sample also counts by its media, since the same bytes may be published under the name of
    another source.
    """
    stem_prefixes = tuple(f"{media_id[:STEM_MEDIA]}-" for media_id in media_ids)
    for subset in registry.names():
        retired = set(registry.retired_numbers(subset))
        for commit in registry.commits(subset):
            # From the table of files, not `samples.csv`: it stays when `gc` removes the files of a
            # retired version.
            n_samples = sum(
                file.source_id in source_ids
                or (uploader is not None and file.provenance.uploader == uploader)
                or file.name.rpartition("/")[2].startswith(stem_prefixes)
                for file in registry.files(commit) or ()
                if parse_image(file.name)
            )
            if n_samples:
                yield AffectedVersion(commit.label, n_samples, commit.version in retired)
