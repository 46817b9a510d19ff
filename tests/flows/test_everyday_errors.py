"""What a machine, a network or a file can do wrong ends in a sentence, not in a stack trace."""

import os
from pathlib import Path

import pytest

from flows.cli import main
from flows.engine.prefect_env import prepare_environment
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Source
from tasks.download.fetch import download_key
from tasks.download.task import download, is_missing, read_sources
from tests.download.fetching import png
from tests.flows.builders import exit_code
from tests.flows.test_cli import run_cli

GBK = "街拍照片.png".encode("gb18030")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "/d/x"), "/d/x: No space left on device."),
        (ZeroDivisionError("a\nb"), "ZeroDivisionError: a. The program did not expect this"),
        (UnicodeEncodeError("utf-8", "\udcb5", 0, 1, "surrogates"), "UnicodeEncodeError: "),
    ],
)
def test_any_error_is_a_sentence_and_verbose_shows_where_it_arose(
    error: Exception,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr("flows.cli.sources.read_sources", fail)
    assert exit_code("sources", "demo") == 1
    printed = capsys.readouterr().err
    assert sentence in printed
    assert "Traceback" not in printed
    assert exit_code("sources", "demo", "--verbose") == 1
    assert "in fail" in capsys.readouterr().err


def test_a_name_that_is_no_text_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sources", os.fsdecode(GBK)])
    assert "is not UTF-8. Rename it" in capsys.readouterr().err


@pytest.mark.service
def test_a_file_whose_name_is_no_text_is_taken(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + GBK)).write_bytes(png())
    (tmp_path / "b.png").write_bytes(png((9, 9)))
    odd, plain = sorted(read_sources(str(tmp_path)), key=lambda source: source.source_id)
    assert (odd.source_id.startswith("D6-C5-C4"), plain.source_id) == (False, "b.png")
    assert Source.model_validate_json(odd.model_dump_json()) == odd
    assert not is_missing(odd.uri)
    assert download.fn(source=odd, recipe=DownloadRecipe()).n_kept == 1
    assert odd in read_sources(str(tmp_path))


def test_an_address_with_a_nul_is_missing() -> None:
    source = Source(source_id="a", uri="/a\0b")
    assert is_missing(source.uri)
    assert download_key(source, DownloadRecipe())


@pytest.mark.parametrize("given", ["", "10.0.0.0/8, localhost", "*"])
def test_loopback_goes_through_no_proxy(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    proxies = {
        "HTTP_PROXY": "http://h:9",
        "https_proxy": "h:9",
        "ALL_PROXY": "socks4://h:9",
        "all_proxy": "socks://h:9",
        "NO_PROXY": given,
    }
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("no_proxy", raising=False)
    prepare_environment()
    names = {name.lower() for name in os.environ if name.lower().endswith("_proxy")}
    assert names == {"http_proxy", "https_proxy", "no_proxy"}
    hosts = os.environ["NO_PROXY"].split(",")
    assert hosts == ["*"] or {"localhost", "127.0.0.1", "::1"} <= set(hosts)


@pytest.mark.service
def test_a_server_that_does_not_answer_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    ended = run_cli(
        *("publish",),
        PREFECT_API_URL="http://127.0.0.1:9/api",
        MATTEFLOW_HOME=str(tmp_path / "home"),
    )
    assert ended.returncode == 2
    assert "The Prefect server http://127.0.0.1:9 does not answer" in ended.stderr
    assert "PREFECT_API_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
