"""Which tests share a process, and in which order processes get them.

Tests of one file stay together (`--dist loadfile`), and so do all files that use the embedded
Prefect server of `tests/flows/conftest.py`: the server and the run whose artifacts they share need
half a minute of CPU in each process that has them.
"""

from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[1]
_ONE_SERVER: Final = tuple(
    f"tests/flows/test_{name}.py"
    for name in (
        "batches",
        "corrections",
        "dask",
        "decisions",
        "erasure",
        "ingest",
        "maintain",
        "rerun",
        "signed_address",
        "sources_run",
    )
)
# Needs a team's server as well, and as long as all of the above together.
_ALONE: Final = ("tests/flows/test_operation.py",)
# The longest first, or the last of them would run alone at the end.
_LONGEST: Final = (
    *_ALONE,
    "tests/flows/test_crashes.py",
    *_ONE_SERVER,
    "tests/publish/test_killed_everywhere.py",
    "tests/download/test_malformed_media.py",
)
SHARED: Final = "the embedded Prefect server"


def scope_of(node_id: str) -> str:
    """Return the name of what a test shares a process with."""
    path = node_id.split("::", 1)[0]
    return SHARED if path in _ONE_SERVER else path


def place_of(path: Path) -> int:
    """Return the place of a file among those that are begun first; all others come after them."""
    name = path.relative_to(ROOT).as_posix()
    return _LONGEST.index(name) if name in _LONGEST else len(_LONGEST)


def require_listed(items: list[pytest.Item]) -> None:
    """Refuse a file that would start the embedded server once more, in another process.

    Raises:
        UsageError: the file is not listed here.
    """
    users = {
        item.path.relative_to(ROOT).as_posix()
        for item in items
        if "_server" in getattr(item, "fixturenames", ())
    }
    for name in sorted(users.difference(_ONE_SERVER, _ALONE)):
        raise pytest.UsageError(f"{name} uses `prefect_server`: list it in tests/scheduling.py.")


@pytest.hookimpl(optionalhook=True)  # there may be no xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep together what `scope_of` names, where `--dist loadfile` is asked for."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    files = LoadFileScheduling(config, log)
    files._split_scope = scope_of
    return files
