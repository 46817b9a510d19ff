"""What the set-up of a server writes into job templates: settings, no folders, no secrets."""

import json

import pytest

from deployments.setup import POOLS, make_template
from tasks.common.errors import InputError


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_jobs_start_with_the_settings_but_without_folders_and_secrets(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = {
        "MATTEFLOW_WORKSPACE": "s3://team/workspace",
        "MATTEFLOW_BATCHES_AT_ONCE": "8",
        "AWS_ENDPOINT_URL_S3": "http://s3:8333",
    }
    own = {
        "MATTEFLOW_HOME": "/home/me",
        "MATTEFLOW_MODELS": "/home/me/models",
        "MATTEFLOW_SCRATCH": "/tmp",
        "MATTEFLOW_TOKEN_WORKS": "hush-1234",
        "AWS_SECRET_ACCESS_KEY": "hush-1234",
    }
    for name in ("MATTEFLOW_HOME", "MATTEFLOW_MODELS"):
        monkeypatch.delenv(name)
    for name, value in (shared | own).items():
        monkeypatch.setenv(name, value)
    template = make_template(kind)
    assert template["variables"]["properties"]["env"]["default"] == shared
    assert "hush-1234" not in json.dumps(template)


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_every_variable_of_a_job_is_declared_and_described(kind: str) -> None:
    template = json.loads((POOLS / f"{kind}.json").read_text(encoding="utf-8"))
    declared = template["variables"]["properties"]
    text = json.dumps(template["job_configuration"])
    used = {part.split("}}")[0].strip() for part in text.split("{{")[1:]}
    assert used == set(declared)
    assert [name for name, entry in declared.items() if not entry.get("description")] == []


def test_a_process_pool_takes_what_prefect_has() -> None:
    assert make_template("process") == {}


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match=r"no nomad\.json .* process, docker, kubernetes"):
        make_template("nomad")
