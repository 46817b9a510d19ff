"""prefect.yaml names flows that exist, with parameters that they take."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]


@pytest.fixture(params=DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def deployment(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def flow_of(deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Flow[..., Any]:
    monkeypatch.chdir(ROOT)
    return load_flow_from_entrypoint(deployment["entrypoint"])


def test_its_parameters_are_the_flows_own(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = set(deployment.get("parameters", {}))
    assert given <= set(flow_of(deployment, monkeypatch).parameters.properties)


def test_every_field_of_its_form_has_a_description(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = flow_of(deployment, monkeypatch).parameters.properties
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_a_scheduled_deployment_never_runs_twice_at_once_and_has_what_it_needs(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not deployment.get("schedules"):
        return
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    required = flow_of(deployment, monkeypatch).parameters.required
    assert set(required) <= set(deployment.get("parameters", {}))


def test_its_flow_is_the_one_that_the_program_imports(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entrypoint like `flows/ingest.py:ingest` would make a second module of the same file."""
    module, _, name = deployment["entrypoint"].rpartition(".")
    assert flow_of(deployment, monkeypatch) is getattr(import_module(module), name)
