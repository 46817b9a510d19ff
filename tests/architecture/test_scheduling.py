"""Which tests share a process: the files are there, and those with one server stay together."""

import pytest

from tests import scheduling


def test_every_listed_file_is_there() -> None:
    assert [name for name in scheduling._LONGEST if not (scheduling.ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    ("node_id", "scope"),
    [
        pytest.param("tests/a/test_b.py::test_c[x::y]", "tests/a/test_b.py", id="a file"),
        pytest.param("tests/flows/test_dask.py::test_c", scheduling.SHARED, id="the server"),
        pytest.param("tests/flows/test_rerun.py::test_c", scheduling.SHARED, id="the same server"),
        pytest.param(
            "tests/flows/test_crashes.py::test_c", "tests/flows/test_crashes.py", id="its own"
        ),
    ],
)
def test_a_test_shares_a_process_with(node_id: str, scope: str) -> None:
    assert scheduling.scope_of(node_id) == scope


def test_long_files_come_first_and_all_others_in_their_order() -> None:
    names = ["tests/architecture/test_scheduling.py", *reversed(scheduling._LONGEST), "tests/a.py"]
    ordered = sorted(names, key=lambda name: scheduling.place_of(scheduling.ROOT / name))
    assert ordered == [*scheduling._LONGEST, names[0], names[-1]]
