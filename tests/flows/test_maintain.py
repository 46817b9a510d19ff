"""The flow that looks after a store."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.maintain import maintain
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.task import open_ledger, retire_version
from tests.dataset.trees import NAME, kept_tree, push

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture(autouse=True)
def _two_versions(prefect_server: None) -> None:
    workspace, store = Workspace(settings().workspace), open_store(settings().store)
    for names in ("a", "ab"):
        push(kept_tree(workspace, *names), workspace, store)


def run(**parameters: Any) -> tuple[str | None, str]:
    state = maintain(**parameters, return_state=True)
    return state.name, str(state.message)


def files() -> list[Path]:
    root = Path(settings().store.removeprefix("file://"))
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_a_store_in_order_is_reported_so() -> None:
    before = files()
    sentence = "2 versions checked, 0 problems. Nothing there that no version needs."
    assert run() == ("Completed", sentence)
    assert files() == before


def test_damage_fails_the_run_and_is_named() -> None:
    (image,) = (path for path in files() if path.name == "street-b.jpg")
    image.chmod(0o644)
    image.write_bytes(image.read_bytes()[:-1] + b"!")
    assert run()[0] == "Completed"
    name, sentence = run(verify="deep", garbage="no")
    assert (name, sentence.split(" First: ")[1]) == (
        "Damaged",
        "img_dir/train/street-b.jpg holds other bytes than were published.",
    )


def test_garbage_goes_by_two_runs_when_asked_for() -> None:
    ledger = open_ledger(settings().store)
    retire_version(ledger, ledger.resolve(f"{NAME}@v1"), "a test", datetime.now(UTC))
    assert run(verify="no")[1].startswith("Garbage: 1 to be marked")
    assert run(verify="no", garbage="delete")[1].startswith("Garbage: 1 marked")
    assert run(verify="no", garbage="delete")[1].startswith("Garbage: 1 waiting")
    assert run(verify="no", garbage="delete", grace_days=0)[1].startswith("Garbage: 1 deleted")
    assert run(verify="deep")[1].startswith("1 versions checked, 0 problems.")


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        pytest.param({"subset": "nothing"}, "There is no subset 'nothing'", id="subset"),
        pytest.param({"subset": f"{NAME}@v7"}, "no version 7", id="version"),
        pytest.param({"store": "gs://x"}, "expected file:///", id="store"),
    ],
)
def test_a_wrong_request_is_refused_with_a_sentence(
    parameters: dict[str, Any], sentence: str
) -> None:
    name, message = run(**parameters)
    assert (name, sentence in message) == ("BadInput", True)
