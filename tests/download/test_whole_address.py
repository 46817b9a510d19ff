"""Two addresses are two sources, however alike they look when secrets are hidden."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.engine.original_source import find_original
from flows.engine.run_record import RunRecord
from tasks.common.digests import content_key
from tasks.common.errors import InputError, SourceError
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import MediaTable, Source, SourceOutcome
from tasks.common.schema.rows import MediaRow
from tasks.common.settings import settings
from tasks.common.uri import redacted
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.download import VERSION
from tasks.download.fetch import download_key, fetch
from tasks.download.task import download, keep_addresses, with_whole_address
from tests.dataset.trees import NOW
from tests.download.fetching import png
from tests.download.servers import Request, Server, serving
from tests.flows.builders import recipe_of
from tests.tiers import needs

RECIPE = DownloadRecipe()
LONG = "1AbCdEfGhIjKlMnOpQrStUvWxYz01234"
QUERIES = [
    *("key=a&key2=1|key=b&key2=1", "t=1|t=2", "h=1|h=2", "s=1|s=2", "e=1|e=2", "st=a|st=b"),
    *("policy=a|policy=b", "token=a|token=b", "sig=a|sig=b", "expires=1|expires=2"),
    f"id={LONG}5|id={LONG}6",
    "p=a%20b|p=a+b",
]


def widths(request: Request) -> None:
    """Answer each address with a picture of its own."""
    number = request.server.asked.index(request.path)
    request.serve(png((10 + number, 6)), f'"{number}"')


@pytest.fixture
@needs("service")
def server(loopback: None) -> Iterator[Server]:
    with serving(widths) as running:
        yield running


def take(uri: str, source_id: str = "s") -> MediaTable:
    return download.fn(source=Source(source_id=source_id, uri=uri), recipe=RECIPE)


def width(result: MediaTable) -> int:
    (row,) = Workspace.of(settings()).rows(MediaRow, result)
    return row.width_px


@pytest.mark.parametrize("pair", QUERIES)
def test_sources_whose_queries_differ_get_their_own_bytes(server: Server, pair: str) -> None:
    first, second = (f"{server.url}/get?{query}" for query in pair.split("|"))
    assert (width(take(first, "a")), width(take(second, "b"))) == (10, 11)
    assert (width(take(first, "a")), width(take(second, "b"))) == (10, 11)
    assert len(server.asked) == 2


def test_a_password_is_part_of_the_address() -> None:
    one, two = (Source(source_id="s", uri=f"https://{name}:p@h/a.jpg") for name in ("a", "b"))
    assert download_key(one, RECIPE) != download_key(two, RECIPE)


@pytest.mark.parametrize("uri", ["https://h/a.jpg", "https://h/a.jpg?id=7&v=2", "https://h/人 像"])
def test_addresses_that_were_never_cut_keep_their_keys(uri: str) -> None:
    key = content_key("download", VERSION, redacted(uri), None, None, None, RECIPE)
    assert download_key(Source(source_id="s", uri=uri), RECIPE) == key


def test_a_download_of_a_former_version_is_not_taken_for_another_source(server: Server) -> None:
    cut, plain = f"{server.url}/get?key=other", f"{server.url}/get"
    workspace = Workspace.of(settings())
    # As it was: the artifact of the plain address holds what the longer one led to.
    key = download_key(Source(source_id="plain", uri=plain), RECIPE)
    longer = Source(source_id="longer", uri=cut)
    fetch(longer, RECIPE, settings(), ArtifactWriter(workspace, "download", key))
    assert width(take(plain, "plain")) == 11
    assert width(take(cut, "longer")) == 10
    assert len(server.asked) == 3
    assert width(take(plain, "plain")) == 11
    assert len(server.asked) == 3


def record_of(
    source: Source, listed: str, *, tells: bool = True
) -> tuple[SourceOutcome, RunRecord]:
    read = Source.model_validate_json(source.model_dump_json())
    outcome = SourceOutcome(source=read)
    return outcome, RunRecord(
        run_id="r", started_at=NOW, sources=listed, recipe=recipe_of(), outcomes=(outcome,),
        tells_cut_addresses=tells,
    )  # fmt: skip


def test_a_rerun_has_the_whole_address_without_a_secret_in_the_workspace(tmp_path: Path) -> None:
    uris = {"drive": f"https://h/uc?id={LONG}5", "signed": "https://h/a.jpg?token=hunter2"}
    sources = [Source(source_id=name, uri=uri) for name, uri in uris.items()]
    workspace = Workspace.of(settings())
    keep_addresses(sources, workspace)
    listed = tmp_path / "list.csv"
    listed.write_text("source_id,uri\n" + "".join(f"{n},{u}\n" for n, u in uris.items()))
    for source in sources:
        outcome, record = record_of(source, str(listed))
        assert "hunter2" not in outcome.source.uri
        assert download_key(outcome.source, RECIPE) == download_key(source, RECIPE)
        assert find_original(outcome, record, workspace, must_fetch=True) == source
    everything = [path.read_bytes() for path in settings().home.rglob("*") if path.is_file()]
    assert not any(b"hunter2" in data for data in everything)


@pytest.mark.parametrize("tells", [True, False], ids=["this version", "a former version"])
def test_a_rerun_without_the_whole_address_is_refused(tmp_path: Path, tells: bool) -> None:
    uri = "https://h/a.jpg?token=hunter2" if tells else "https://h/a.jpg"
    outcome, record = record_of(Source(source_id="s", uri=uri), str(tmp_path), tells=tells)
    with pytest.raises(InputError, match=r"only the redacted address https://h/a.jpg of s"):
        find_original(outcome, record, Workspace.of(settings()), must_fetch=True)
    assert find_original(outcome, record, Workspace.of(settings()), must_fetch=False)


def test_a_cut_address_is_never_requested() -> None:
    source = Source(source_id="s", uri="https://h/a.jpg?token=hunter2")
    read = Source.model_validate_json(source.model_dump_json())
    workspace = Workspace.of(settings())
    assert with_whole_address(read, workspace) == read
    out = ArtifactWriter(workspace, "download", download_key(read, RECIPE))
    with pytest.raises(SourceError, match="Ingest the source list again"):
        fetch(read, RECIPE, settings(), out)
