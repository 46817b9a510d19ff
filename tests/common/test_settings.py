"""Settings: what the environment says about this machine, and what it may not say."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.settings import settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.upper().startswith("MATTEFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_without_variables_everything_lies_in_one_folder_here(tmp_path: Path) -> None:
    home = tmp_path / "matteflow-data"
    found = settings()
    assert (found.home, found.workspace, found.models, found.store) == (
        home,
        home / "workspace",
        home / "models",
        (home / "store").as_uri(),
    )


def test_the_other_defaults_are_those_of_the_readme() -> None:
    found = settings()
    assert (found.root_name, found.sources_in_flight, found.verify, found.device) == (
        "Insta360SemanticSeg",
        2,
        "digest",
        "cpu",
    )


def test_nothing_said_of_the_store_is_many_writers_and_the_endpoint_of_aws() -> None:
    found = settings()
    assert (found.s3_endpoint, found.store_connections, found.store_single_writer) == (
        "",
        16,
        False,
    )


def test_home_moves_the_folders_below_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MATTEFLOW_HOME", str(tmp_path / "there"))
    assert settings().workspace == tmp_path / "there" / "workspace"


def test_a_folder_can_be_moved_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MATTEFLOW_MODELS", "/srv/models")
    found = settings()
    assert (found.models, found.workspace) == (
        Path("/srv/models"),
        tmp_path / "matteflow-data" / "workspace",
    )


def test_a_relative_folder_becomes_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MATTEFLOW_WORKSPACE", "near")
    assert settings().workspace == tmp_path / "near"


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MATTEFLOW_HOME", "")
    assert settings().home == tmp_path / "matteflow-data"


@pytest.mark.parametrize("address", ["s3://bucket/prefix", "file:///srv/store"])
def test_a_store_address_stays_as_it_was_given(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTEFLOW_STORE", address)
    assert settings().store == address


def test_what_is_said_of_the_store_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTEFLOW_S3_ENDPOINT", "https://s3.example.org:8333")
    monkeypatch.setenv("MATTEFLOW_STORE_CONNECTIONS", "256")
    monkeypatch.setenv("MATTEFLOW_STORE_SINGLE_WRITER", "true")
    found = settings()
    assert (found.s3_endpoint, found.store_connections, found.store_single_writer) == (
        "https://s3.example.org:8333",
        256,
        True,
    )


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings()
    monkeypatch.setenv("MATTEFLOW_DEVICE", "cuda:0")
    assert settings() is before


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        pytest.param("MATTEFLOW_SOURCES_IN_FLIGHT", "0", "greater than or equal to 1", id="none"),
        pytest.param("MATTEFLOW_SOURCES_IN_FLIGHT", "65", "less than or equal to 64", id="many"),
        pytest.param("MATTEFLOW_SOURCES_IN_FLIGHT", "two", "valid integer", id="word"),
        pytest.param("MATTEFLOW_STORE_CONNECTIONS", "0", "greater than or equal to 1", id="unread"),
        pytest.param("MATTEFLOW_STORE_CONNECTIONS", "257", "less than or equal to 256", id="flood"),
        pytest.param("MATTEFLOW_STORE_SINGLE_WRITER", "maybe", "valid boolean", id="undecided"),
        pytest.param("MATTEFLOW_VERIFY", "never", "'digest' or 'size'", id="no such check"),
        pytest.param("MATTEFLOW_ROOT_NAME", "a/b", "pattern", id="slash"),
    ],
)
def test_a_bad_value_is_refused_with_its_variable_and_what_is_allowed(
    variable: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError) as refused:
        settings()
    assert f"{variable} = {value!r}" in str(refused.value)
    assert allowed in str(refused.value)


def test_the_root_name_cannot_leave_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTEFLOW_ROOT_NAME", "..")
    with pytest.raises(InputError):
        settings()


def test_the_home_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTEFLOW_HOME", "~no-such-user/data")
    with pytest.raises(InputError, match="~no-such-user"):
        settings()
