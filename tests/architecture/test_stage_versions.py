"""Nobody changes what a stage gives out and forgets to raise its version."""

import json

import pytest

from tests.architecture.stage_digests import RECORD, ROOMS, behaviour, digest_of, version_of


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_whose_code_changed_has_a_new_version_or_was_recorded_anew(room: str) -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))[room]
    assert {"version": version_of(room), "digest": digest_of(room)} == recorded, (
        f"The code of tasks/{room} changed. If it gives out anything else than before, raise "
        f"VERSION in tasks/{room}/__init__.py; then run `make record-stages`."
    )


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param("x = 1", "x = 1  # why", True, id="comment"),
        pytest.param('def f():\n "a"\n f()', 'def f():\n "b"\n f()', True, id="docstring"),
        pytest.param("VERSION = 1\nx = 1", "VERSION = 2\nx = 1", True, id="version"),
        pytest.param("x = 1", "x = 2", False, id="constant"),
        pytest.param("f(a)", "f(b)", False, id="argument"),
    ],
)
def test_the_digest_sees_behaviour_only(before: str, after: str, same: bool) -> None:
    assert (behaviour(before) == behaviour(after)) is same
