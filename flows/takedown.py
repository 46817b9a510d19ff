"""Taking down what somebody does not want used: find all that is derived, and record it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from flows.engine.run_record import find_runs, load_run
from tasks.common.errors import ArtifactError, InputError
from tasks.common.files import digest_bytes
from tasks.common.records import Source, SourceOutcome
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.takedowns import Takedown, Takedowns
from tasks.dataset.task import media_of
from tasks.download.task import known_sources
from tasks.publish.task import Ledger

Kind = Literal["source", "uploader"]
_STEM_MEDIA = 12  # a sample's name begins with so much of its media's digest


class Held(NamedTuple):
    """A published version that holds samples of what is taken down."""

    label: str
    n_samples: int
    is_retired: bool


class Derived(NamedTuple):
    """Everything that came of the sources that are meant."""

    source_ids: tuple[str, ...]
    media_ids: tuple[str, ...]
    crop_ids: tuple[str, ...]
    versions: tuple[Held, ...]


def find_derived(kind: Kind, name: str, workspace: Workspace, ledger: Ledger) -> Derived:
    """Find what is derived from a source or an uploader: bytes, crops, published samples."""
    earlier = _earlier(kind, name, workspace, ledger)
    source_ids, media_ids = set(earlier.source_ids), set(earlier.media_ids)
    for known in known_sources(workspace):
        if _is_meant(known.source, kind, name, source_ids):
            source_ids.add(known.source.source_id)
            media_ids.add(known.media_id)
    crop_ids: set[str] = set()
    for outcome in _outcomes(workspace):
        if _is_meant(outcome.source, kind, name, source_ids):
            source_ids.add(outcome.source.source_id)
            media = _or_none(outcome, workspace)
            media_ids |= {media} if media else set()
            crop_ids |= _crops(outcome, workspace)
    versions = tuple(_versions(ledger, media_ids, source_ids, (kind, name)))
    return Derived(
        tuple(sorted(source_ids)), tuple(sorted(media_ids)), tuple(sorted(crop_ids)), versions
    )


def take_down(
    kind: Kind,
    name: str,
    reason: str,
    found: Derived,
    workspace: Workspace,
    ledger: Ledger,
    now: datetime,
) -> Takedown:
    """Record a takedown in the workspace and in the store; both are heeded from now on.

    Raises:
        InputError: no reason is given.
    """
    if not reason.strip():
        raise InputError("Say why with --reason; the record will tell it whoever asks later.")
    record = Takedown(
        kind=kind,
        id=name,
        reason=reason.strip(),
        at=now.replace(microsecond=0),
        source_ids=found.source_ids,
        media_ids=found.media_ids,
    )
    data = record.model_dump_json(indent=1).encode()
    workspace.write(record.key, data)
    ledger.store.put(record.key, data, digest_bytes(data))
    return record


def heed_takedowns(
    sources: Iterable[Source], store: str
) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """Return the sources that may be used, and a sentence for each that may not."""
    takedowns = Takedowns.of(Workspace.of(settings()), open_store(store))
    found = [(source, takedowns.find(source)) for source in sources]
    allowed = tuple(source for source, takedown in found if takedown is None)
    withheld = tuple(
        f"{source.source_id} is left out: {takedown.sentence()}"
        for source, takedown in found
        if takedown is not None
    )
    return allowed, withheld


def lift(kind: Kind, name: str, workspace: Workspace, ledger: Ledger) -> None:
    """Take a takedown back, from workspace and store.

    Raises:
        InputError: there is none.
    """
    records = Takedowns.of(workspace, ledger.store).records
    found = [one for one in records if (one.kind, one.id) == (kind, name)]
    if not found:
        known = ", ".join(f"{one.kind} {one.id}" for one in records) or "none"
        raise InputError(f"There is no takedown of {kind} {name}. Known: {known}.")
    workspace.remove([found[0].key])
    ledger.store.delete([found[0].key])


def _earlier(kind: Kind, name: str, workspace: Workspace, ledger: Ledger) -> Derived:
    """What an earlier record of the same says stays true, also where its traces are gone."""
    records = Takedowns.of(workspace, ledger.store).records
    found = [one for one in records if (one.kind, one.id) == (kind, name)]
    own = (name,) if kind == "source" else ()
    sources = [one for record in found for one in record.source_ids]
    media = [one for record in found for one in record.media_ids]
    return Derived((*own, *sources), tuple(media), (), ())


def _is_meant(source: Source, kind: Kind, name: str, source_ids: set[str]) -> bool:
    is_uploader = kind == "uploader" and source.uploader == name
    return is_uploader or source.source_id in source_ids


def _outcomes(workspace: Workspace) -> Iterator[SourceOutcome]:
    for run in find_runs(workspace):
        try:
            yield from load_run(workspace, run).outcomes
        except InputError:  # written by another version; the ledger knows its sources
            continue


def _or_none(outcome: SourceOutcome, workspace: Workspace) -> str | None:
    try:
        return media_of(outcome, workspace)
    except ArtifactError:
        return None


def _crops(outcome: SourceOutcome, workspace: Workspace) -> set[str]:
    crops = outcome.result("detect")
    try:
        return set() if crops is None else set(map(str, workspace.items(crops)["crop_id"]))
    except ArtifactError:
        return set()


def _versions(
    ledger: Ledger, media_ids: set[str], source_ids: set[str], asked: tuple[Kind, str]
) -> Iterator[Held]:
    begins = tuple(f"{media_id[:_STEM_MEDIA]}-" for media_id in media_ids)
    kind, name = asked
    for subset in ledger.names():
        retired = set(ledger.retired_numbers(subset))
        for commit in ledger.commits(subset):
            n_samples = sum(
                row["source_id"] in source_ids
                or (kind == "uploader" and row.get("uploader") == name)
                or (bool(begins) and row["name"].rpartition("/")[2].startswith(begins))
                for row in ledger.files(commit) or ()
                if row["name"].startswith("img_dir/")
            )
            if n_samples:
                yield Held(commit.label, n_samples, commit.version in retired)
