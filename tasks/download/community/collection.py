"""The sources that a community lists, read page by page until all of a page is known."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Discriminator, Tag, ValidationError

from tasks.common.errors import ArtifactError, InputError, WorldError
from tasks.common.records import Record, Source
from tasks.common.validation import explain_validation
from tasks.download.community.api import Api, Page
from tasks.download.community.description import Community, description_path, extract
from tasks.download.sources.collection import Collection, Context
from tasks.download.sources.rows import read_yaml, split_scenes
from tasks.download.sources.slug import unique_slug

_SourcesByEntry = dict[str | None, Source]


class _Walk(Record):
    """The new and changed sources of one complete walk through a listing.

    Each walk is an object of its own in the workspace, so that concurrent walks overwrite nothing.
    """

    etag: str | None
    sources: tuple[Source, ...]


class CommunityCollection(Collection):
    """`community: FILE.yaml`, or the description itself."""

    community: Annotated[
        Annotated[str, Tag("file")] | Annotated[Community, Tag("described")],
        Discriminator(lambda value: "file" if isinstance(value, str) else "described"),
    ]

    def sources(self, context: Context) -> Iterator[Source]:
        """Yield every entry that was ever listed, the new ones included.

        A walk is recorded only when it is complete; an interrupted one starts over. A walk stops at
        the first known page, so entries of a partly recorded walk would hide those behind them.
        """
        # The description is stored first: workers need it to fetch entries, also of earlier walks.
        community = self._description(context)
        _store_description(community, context)
        walks = _recorded_walks(community, context)
        # Later walks replace earlier entries: they hold the newer revision.
        known: _SourcesByEntry = {source.entry: source for walk in walks for source in walk.sources}
        etag = walks[-1].etag if walks else None
        walk = self._walk(Api(community, context.settings), known, etag)
        if walk.sources or walk.etag != etag:
            _record(community, walk, context)
        yield from (known | {source.entry: source for source in walk.sources}).values()

    def _description(self, context: Context) -> Community:
        if isinstance(self.community, Community):
            return self.community
        path = context.path(self.community)
        values = read_yaml(path)
        try:
            return Community.model_validate(values.get("community", values))
        except ValidationError as error:
            raise InputError(explain_validation(error, str(path), Community)) from error

    def _walk(self, api: Api, known: _SourcesByEntry, etag: str | None) -> _Walk:
        """Read the listing, newest first, until a page holds only known entries or it ends."""
        fresh: _SourcesByEntry = {}
        first_etag = etag
        for number, page in enumerate(_pages(api, etag)):
            if page.values is None:
                return _Walk(etag=etag, sources=())  # the listing is unchanged
            # The first page's ETag stands for the listing: it is the one that changes with every
            # new entry.
            if number == 0:
                first_etag = page.etag
            items = _items(page, api.community)
            listed = [source for item in items if (source := self._source_of(item, api.community))]
            # Also known entries with a changed property, such as a new revision: they are edited
            # sources.
            fresh |= {
                source.entry: source for source in listed if known.get(source.entry) != source
            }
            # A page with nothing usable says nothing about those after it, so it does not end the
            # walk.
            is_known = bool(listed) and all(source.entry in known for source in listed)
            if is_known and api.community.walk == "new":
                break
        return _Walk(etag=first_etag, sources=tuple(fresh.values()))

    def _source_of(self, item: Any, community: Community) -> Source | None:
        """Return the source of an item; None if it is not a video or picture."""
        values = {
            name: extract(item, path)
            for name, path in community.fields.model_dump().items()
            if path is not None
        }
        entry, kind, media = values.pop("entry"), values.pop("kind", None), values.pop("media")
        if entry in (None, "") or media in (None, ""):
            return None
        if community.kinds and str(kind) not in community.kinds:
            return None
        scenes = split_scenes(values.pop("scenes", None))
        properties = {name: None if value is None else str(value) for name, value in values.items()}
        return self.source(
            # Cut to the length of a source id; the hash of `unique_slug` may be lost with it, which
            # the check for duplicate ids then reports.
            f"{community.name}-{unique_slug(str(entry))}"[:100],
            f"community:{community.name}/{quote(str(entry), safe='')}",
            kind=community.kinds.get(str(kind)),
            scenes=scenes,
            listing=community.name,
            entry=str(entry),
            **properties,
        )


def _pages(api: Api, etag: str | None) -> Iterator[Page]:
    """Yield the pages of the listing; with an unchanged ETag only the first, without values.

    Raises:
        WorldError: the listing does not end.
    """
    community, pages = api.community, api.community.pages
    at: str | int | None = None if pages.next else pages.first
    for number in range(community.max_pages):
        page = api.page(at, etag if number == 0 else None)
        yield page
        if page.values is None or not _items(page, community):
            return
        following = extract(page.values, pages.next) if pages.next else int(at or 0) + 1
        if following in (None, "", at):  # a repeated cursor would loop endlessly
            return
        at = following
    raise WorldError(f"{community.name} has more than {community.max_pages} pages.")


def _items(page: Page, community: Community) -> list[Any]:
    items = extract(page.values, community.items)
    if not isinstance(items, list):
        raise InputError(
            f"{community.name} has no list at items = {community.items!r}; it sent "
            f"{str(page.values)[:200]}"
        )
    return items


def _store_description(community: Community, context: Context) -> None:
    """Store the description in the workspace, for workers that fetch entries."""
    path = description_path(community.name)
    data = community.model_dump_json(indent=1).encode()
    if context.workspace.read(path) != data:
        context.workspace.write(path, data)


def _recorded_walks(community: Community, context: Context) -> list[_Walk]:
    """Return the recorded walks, oldest first: their names begin with the time."""
    workspace = context.workspace
    walks = []
    for name in workspace.names(f"listings/{community.name}"):
        try:
            walks.append(_Walk.model_validate_json(workspace.read(name) or b""))
        except ValueError as error:
            raise ArtifactError(
                f"The record {name} of a walk is damaged. Remove the whole folder "
                f"listings/{community.name}; then the listing is read again from the start."
            ) from error
    return walks


def _record(community: Community, walk: _Walk, context: Context) -> None:
    now = datetime.now(UTC)
    name = f"listings/{community.name}/{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}.json"
    context.workspace.write(name, json.dumps(walk.model_dump(mode="json"), indent=1).encode())
