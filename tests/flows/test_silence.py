"""What ends the watch over a run's heartbeats: every state in which a run of ours may end."""

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

from deployments.setup import silence_trigger

FLOWS = Path(__file__).parents[2] / "flows"
ENDS = {"Failed", "Completed"}
PREFECTS_OWN = {"Completed", "Failed", "Crashed", "Cancelling", "Cancelled", "AwaitingRetry"}


def names_of_states() -> set[str]:
    """Return the names that the flows give to the states in which they end."""
    names = set()
    for path in FLOWS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
                "Failed",
                "Completed",
            }:
                names |= {
                    str(word.value.value)
                    for word in node.keywords
                    if word.arg == "name" and isinstance(word.value, ast.Constant)
                }
    return names


def test_the_names_are_found() -> None:
    assert names_of_states() >= {"PartialFailure", "NotPublished", "StillFailing"}


@pytest.mark.parametrize(
    "name", sorted(PREFECTS_OWN | names_of_states() | {"BadInput", "ListingDown", "StoreDown"})
)
def test_a_run_that_ends_in_it_is_not_watched_any_more(name: str) -> None:
    expected = silence_trigger().expect
    assert any(fnmatch(f"prefect.flow-run.{name}", pattern) for pattern in expected)


def test_only_a_heartbeat_starts_the_watch() -> None:
    assert silence_trigger().after == {"prefect.flow-run.heartbeat"}
