"""A signed address of the command line: Prefect stores what leads nowhere without the signature."""

from collections.abc import Iterator

import pytest
import typer

from flows.engine.handed_over import with_secrets, without_secrets
from tasks.common.settings import settings
from tests.download.servers import Request, Server, serving

ADDRESS = "https://example.org/a.mp4?id=7&X-Amz-Signature=secret&X-Amz-Expires=60"


def test_what_stands_for_an_address_has_no_signature_and_leads_back() -> None:
    shown = without_secrets(ADDRESS)
    assert "secret" not in shown
    assert with_secrets(shown) == ADDRESS


@pytest.mark.parametrize(
    "sources", ["demo", "my list.csv", "s3://bucket/a/", "https://a.org/b.mp4"]
)
def test_what_holds_no_secret_is_handed_over_as_it_is(sources: str) -> None:
    assert without_secrets(sources) == sources == with_secrets(sources)


def missing(request: Request) -> None:
    request.say(404, b"no")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("MATTEFLOW_ALLOW_NETWORKS", "127.0.0.0/8")
    settings.cache_clear()
    with serving(missing) as running:
        yield running


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_prefect_stores_no_signature(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    from prefect.client.orchestration import get_client

    from flows.cli.ingest import ingest

    with pytest.raises(typer.Exit):  # there is no such file
        ingest(f"{server.url}/a.mp4?sig=verysecret", recipe="demo", publish="never")
    assert any("verysecret" in path for path in server.asked)  # the whole address was asked for
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs()
    assert runs
    assert not any("verysecret" in run.model_dump_json() for run in runs)
    printed = capsys.readouterr()
    assert "verysecret" not in printed.out + printed.err
