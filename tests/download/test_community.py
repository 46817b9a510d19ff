"""A community behind a paginated JSON API that changes between runs and signs its addresses."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.common.errors import InputError, SourceError, WorldError
from tasks.common.records import Source
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.download.community.collection import CommunityCollection
from tasks.download.community.description import Community, extract
from tasks.download.sources.read import read_sources
from tests.download.communities import TOKEN, FakeCommunity, describe
from tests.download.fetching import fetch_from, media_of
from tests.download.servers import Request, Server, serving

pytestmark = pytest.mark.usefixtures("loopback")


@pytest.fixture
def community() -> FakeCommunity:
    return FakeCommunity(8)


@pytest.fixture
def server(community: FakeCommunity, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("MATTEFLOW_TOKEN_WORKS", TOKEN)
    with serving(community) as running:
        yield running


def entries(sources: tuple[Source, ...]) -> set[str | None]:
    return {source.entry for source in sources}


def test_every_page_is_listed_with_the_facts_of_each_entry(tmp_path: Path, server: Server) -> None:
    sources = read_sources(describe(tmp_path, server))
    assert entries(sources) == {f"w/{number}" for number in range(8) if number != 4}
    newest = sources[0]
    assert newest.model_dump(exclude_none=True, exclude={"source_id"}) == {
        "uri": "community:works/w%2F7",
        "kind": "image",
        "scenes": ("street", "snow"),
        "licence": "CC-BY-4.0",
        "uploader": "ann-1",
        "captured_with": "ONE X2",
        "batch": "autumn",
        "listing": "works",
        "entry": "w/7",
        "shared_at": "2026-11-08T00:00:00Z",
    }


def test_an_unchanged_listing_costs_one_request(
    tmp_path: Path, server: Server, community: FakeCommunity
) -> None:
    first = read_sources(describe(tmp_path, server))
    n_before = len(server.asked)
    assert n_before == 4  # three pages with works, and the empty one
    assert read_sources(describe(tmp_path, server)) == first
    assert (len(server.asked), community.n_unchanged) == (n_before + 1, 1)


def test_only_pages_with_something_new_are_read(
    tmp_path: Path, server: Server, community: FakeCommunity
) -> None:
    before = entries(read_sources(describe(tmp_path, server)))
    community.share(20, 21)
    del server.asked[:]
    after = entries(read_sources(describe(tmp_path, server)))
    assert after - before == {"w/20", "w/21"}
    assert [path for path in server.asked if "page=" in path] == ["/works?page=1", "/works?page=2"]


def test_a_listing_by_cursor_is_walked_to_its_end(tmp_path: Path, server: Server) -> None:
    pages = {"parameter": "cursor", "next": "data.next"}
    path = describe(tmp_path, server, url=f"{server.url}/feed", pages=pages)
    assert len(read_sources(path)) == 7
    assert server.asked == ["/feed", "/feed?cursor=3", "/feed?cursor=6"]


def test_a_walk_that_broke_is_walked_again_from_the_start(
    tmp_path: Path, server: Server, community: FakeCommunity
) -> None:
    path = describe(tmp_path, server)
    whole = community.page

    def breaks(request: Request) -> None:
        request.say(500) if request.query["page"] == "2" else whole(request)

    community.page = breaks  # type: ignore[method-assign]
    with pytest.raises(WorldError, match="page=2 answered 500"):
        read_sources(path)
    community.page = whole  # type: ignore[method-assign]
    assert len(read_sources(path)) == 7


def test_the_listing_waits_when_it_is_told_to(
    tmp_path: Path, server: Server, community: FakeCommunity
) -> None:
    community.first_answers = [(429, {"Retry_After": "0"})] * 2
    assert len(read_sources(describe(tmp_path, server))) == 7
    community.first_answers = [(429, {"Retry_After": "86400"})]
    with pytest.raises(WorldError, match=r"answered 429, and asked to wait 86,400 s"):
        read_sources(describe(tmp_path, server))


def test_media_are_fetched_from_a_fresh_address_whose_signature_is_stored_nowhere(
    tmp_path: Path, server: Server, community: FakeCommunity
) -> None:
    (source, *_) = read_sources(describe(tmp_path, server))
    community.valid.clear()  # what the listing gave has expired
    root = settings().workspace
    row = media_of(fetch_from(source.uri, root), root)
    assert row["kind"] == "image"
    told = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    assert told
    assert not [data for data in told if b"Signature" in data or TOKEN.encode() in data]


def test_an_address_that_expires_on_the_way_is_asked_for_once_more(
    tmp_path: Path, server: Server, community: FakeCommunity
) -> None:
    (source, *_) = read_sources(describe(tmp_path, server))
    serve = community.media
    n_refused: list[int] = []

    def refuses_first(request: Request) -> None:
        if not n_refused:
            n_refused.append(1)
            request.say(403)
        else:
            serve(request)

    community.media = refuses_first  # type: ignore[method-assign]
    assert fetch_from(source.uri, settings().workspace).n_kept == 1


def test_an_entry_that_is_gone_fails_alone(
    tmp_path: Path, server: Server, community: FakeCommunity
) -> None:
    (source, *_) = read_sources(describe(tmp_path, server))
    community.works.clear()
    with pytest.raises(SourceError, match="no longer exists"):
        fetch_from(source.uri, settings().workspace)


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "/etc/passwd", "s3://bucket/key", "ytdlp+https://h/x", 7]
)
def test_a_community_cannot_make_us_read_anything_but_the_web(
    tmp_path: Path, server: Server, community: FakeCommunity, address: Any
) -> None:
    (source, *_) = read_sources(describe(tmp_path, server))
    community.signed = lambda work, request: work | {"video": {"url": address}}  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="gives no http or https URL for w/7"):
        fetch_from(source.uri, settings().workspace)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"token": "MATTEFLOW_TOKEN_NONE"},
            "MATTEFLOW_TOKEN_NONE, which is not set",
            id="no token",
        ),
        pytest.param({"items": "data.works"}, "has no list at items = 'data.works'", id="items"),
        pytest.param({"item_url": "https://x/"}, "item_url = 'https://x/'", id="item address"),
        pytest.param({"name": "../x"}, "name = '../x'", id="name is a path"),
        pytest.param({"color": 1}, "community.described.color = 1: unknown key", id="unknown key"),
        pytest.param({"url": "ftp://x/"}, "was not requested", id="scheme"),
        pytest.param({"items": "data[items"}, "is no JMESPath such as data.items", id="path"),
    ],
)
def test_a_wrong_description_is_refused_with_a_sentence(
    tmp_path: Path, server: Server, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_sources(describe(tmp_path, server, **changes))
    assert said in str(caught.value)


def test_a_refused_token_is_told_by_the_name_of_its_variable(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTEFLOW_TOKEN_WORKS", "wrong")
    with pytest.raises(InputError, match=r"does not accept the token \(MATTEFLOW_TOKEN_WORKS\)"):
        read_sources(describe(tmp_path, server))


def test_two_walks_at_once_lose_nothing(
    tmp_path: Path, server: Server, community: FakeCommunity
) -> None:
    path = describe(tmp_path, server)
    read_sources(path)
    walks = Workspace.of(settings()).names("listings/works")
    community.share(30)
    read_sources(path)
    for name in Workspace.of(settings()).names("listings/works"):
        if name not in walks:  # as if the other had not seen it yet
            (settings().workspace / name).rename(tmp_path / "other.json")
    community.share(31)
    read_sources(path)
    (tmp_path / "other.json").rename(settings().workspace / "listings/works/20000101-x.json")
    assert {"w/30", "w/31"} <= entries(read_sources(path))


def test_the_example_that_comes_with_the_project_is_a_valid_description() -> None:
    text = files("deployments").joinpath("sources", "community.yaml").read_text("utf-8")
    described = CommunityCollection.model_validate(yaml.safe_load(text)).community
    assert isinstance(described, Community)
    assert described.token == "MATTEFLOW_TOKEN_WORKS"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("", {"data": [{"media-url": 1, "tags": [{"n": "a"}]}]}, id="the whole"),
        pytest.param("data.0.media-url", 1, id="plain keys and positions"),
        pytest.param('data[0]."media-url"', 1, id="JMESPath"),
        pytest.param("data[0].tags[*].n", ["a"], id="projection"),
        pytest.param("data.7.x", None, id="beyond the end"),
        pytest.param("data.0.media-url.x", None, id="below a value"),
    ],
)
def test_a_property_is_extracted_by_its_path(path: str, expected: Any) -> None:
    values = {"data": [{"media-url": 1, "tags": [{"n": "a"}]}]}
    assert extract(values, path) == expected
