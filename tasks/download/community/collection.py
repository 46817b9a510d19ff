"""What a community lists: read page by page until everything on a page is known."""

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
from tasks.download.community.api import Answer, Api, Community, described_at, dig
from tasks.download.sources.collection import Collection, Context
from tasks.download.sources.rows import read_yaml, split_scenes
from tasks.download.sources.slug import unique_slug


class _Walk(Record):
    """What one complete walk through a listing found new; an object of its own for each walk."""

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

        A walk is recorded when it is complete; a broken one is walked again from the start.
        """
        community = self._described(context)
        _keep_description(community, context)
        walks = _recorded(community, context)
        known = {source.entry: source for walk in walks for source in walk.sources}
        etag = walks[-1].etag if walks else None
        fresh, etag_now = self._walk(Api(community, context.settings), known, etag)
        if fresh or etag_now != etag:
            _record(community, _Walk(etag=etag_now, sources=tuple(fresh.values())), context)
        yield from (known | fresh).values()

    def _described(self, context: Context) -> Community:
        if isinstance(self.community, Community):
            return self.community
        path = context.path(self.community)
        values = read_yaml(path)
        try:
            return Community.model_validate(values.get("community", values))
        except ValidationError as error:
            raise InputError(explain_validation(error, str(path), Community)) from error

    def _walk(
        self, api: Api, known: dict[str | None, Source], etag: str | None
    ) -> tuple[dict[str | None, Source], str | None]:
        """Return what is new or changed, and the tag of the first page as it is now."""
        fresh: dict[str | None, Source] = {}
        etag_now = etag
        for number, answer in enumerate(_pages(api, etag)):
            if answer.values is None:
                return {}, etag  # nothing was shared since
            etag_now = etag_now if number else answer.etag
            items = _items(answer, api.community)
            entries = [made for item in items if (made := self._entry(item, api.community))]
            fresh |= {made.entry: made for made in entries if known.get(made.entry) != made}
            is_known = bool(entries) and all(made.entry in known for made in entries)
            if is_known and api.community.walk == "new":
                break
        return fresh, etag_now

    def _entry(self, item: Any, community: Community) -> Source | None:
        """Return the source of an item; None for what is no video or picture."""
        told = {
            name: dig(item, path)
            for name, path in community.fields.model_dump().items()
            if path is not None
        }
        entry, said_kind = told.pop("entry"), told.pop("kind", None)
        if entry in (None, "") or told.pop("media") in (None, ""):
            return None
        if community.kinds and str(said_kind) not in community.kinds:
            return None
        scenes = told.pop("scenes", None)
        facts = {name: None if value is None else str(value) for name, value in told.items()}
        return self.source(
            f"{community.name}-{unique_slug(str(entry))}"[:100],
            f"community:{community.name}/{quote(str(entry), safe='')}",
            kind=community.kinds.get(str(said_kind)),
            scenes=split_scenes(scenes),
            listing=community.name,
            entry=str(entry),
            **facts,
        )


def _pages(api: Api, etag: str | None) -> Iterator[Answer]:
    """Yield the listing's pages to its end; of the first, no more than its tag where that is same.

    Raises:
        WorldError: the listing has no end.
    """
    community, pages = api.community, api.community.pages
    at: str | int | None = None if pages.next else pages.first
    for number in range(community.max_pages):
        answer = api.page(at, etag if number == 0 else None)
        yield answer
        if answer.values is None or not _items(answer, community):
            return
        following = dig(answer.values, pages.next) if pages.next else int(at or 0) + 1
        if following in (None, "", at):
            return
        at = following
    raise WorldError(f"{community.name} has more than {community.max_pages} pages.")


def _items(answer: Answer, community: Community) -> list[Any]:
    items = dig(answer.values, community.items)
    if not isinstance(items, list):
        raise InputError(
            f"{community.name} gives no list at items = {community.items!r}; it answered "
            f"{str(answer.values)[:200]}"
        )
    return items


def _keep_description(community: Community, context: Context) -> None:
    data = community.model_dump_json(indent=1).encode()
    if context.workspace.read(described_at(community.name)) != data:
        context.workspace.write(described_at(community.name), data)


def _recorded(community: Community, context: Context) -> list[_Walk]:
    workspace = context.workspace
    walks = []
    for name in workspace.names(f"listings/{community.name}"):
        try:
            walks.append(_Walk.model_validate_json(workspace.read(name) or b""))
        except ValueError as error:
            raise ArtifactError(
                f"The record {name} of a walk is damaged; remove all of listings/{community.name}, "
                "and the listing is walked anew."
            ) from error
    return walks


def _record(community: Community, walk: _Walk, context: Context) -> None:
    now = datetime.now(UTC)
    name = f"listings/{community.name}/{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}.json"
    context.workspace.write(name, json.dumps(walk.model_dump(mode="json"), indent=1).encode())
