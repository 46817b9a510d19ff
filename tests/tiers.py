"""The three tiers of tests, derived from what a test's fixtures need, and held by a guard.

`unit`: no server, child process, network or video encoding. `service`: an S3 server, moto, HTTP
on loopback, child processes, encoded videos. `slow`: weights, a Prefect server, killed processes.

A test declares no tier where a fixture does it: `@needs("service")` above a fixture, or
`marks=pytest.mark.service` at one of its parameters. So a contract test runs on a folder in `unit`
and on a server in `service`. A mark at a test or a module is for what it does itself.
"""

import multiprocessing.process
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from tests.scheduling import place_of

TIERS: Final = ("unit", "service", "slow")
WEIGHTS: Final = Path(__file__).parents[1] / ".cache" / "models"
_RANK: Final = {tier: rank for rank, tier in enumerate(TIERS)}
_FIXTURES: Final[dict[str, str]] = {}
F = TypeVar("F", bound=Callable[..., Any])


def needs(tier: str) -> Callable[[F], F]:
    """Declare the tier of a fixture; write it below `@pytest.fixture`.

    The name of the function is what counts, so it is unique among the fixtures with a tier.
    """
    assert tier in TIERS

    def declare(fixture: F) -> F:
        _FIXTURES[fixture.__name__] = tier
        return fixture

    return declare


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave exactly one tier at each test: the highest of its marks and of its fixtures.

    The longest files come first, then those with tests of a higher tier, since a file that takes
    minutes would otherwise be begun as the last one, and leave all cores but one idle.
    """
    for item in items:
        declared = {mark.name for mark in item.iter_markers() if mark.name in _RANK}
        needed = {
            _FIXTURES[name] for name in getattr(item, "fixturenames", ()) if name in _FIXTURES
        }
        tier = max(declared | needed, key=_RANK.__getitem__, default="unit")
        for lower in declared - {tier}:
            _remove_mark(item, lower, tier)
        if tier not in declared:
            item.add_marker(tier)
    ranks: dict[Path, int] = {}
    for item in items:
        ranks[item.path] = max(ranks.get(item.path, 0), _RANK[tier_of(item)])
    items.sort(key=lambda item: (place_of(item.path), -ranks[item.path]))


def _remove_mark(item: pytest.Item, lower: str, tier: str) -> None:
    item.own_markers[:] = [mark for mark in item.own_markers if mark.name != lower]
    if item.get_closest_marker(lower) is not None:
        raise pytest.UsageError(
            f"{item.nodeid} is {tier}, but its module or class is marked {lower}: "
            "mark the tests or, better, their fixtures instead"
        )


def tier_of(item: pytest.Item) -> str:
    """Return the one tier of a collected test."""
    (tier,) = {mark.name for mark in item.iter_markers() if mark.name in _RANK}
    return tier


class TierError(RuntimeError):
    """A unit test did what belongs to another tier."""


class _Guard:
    """What the test that runs now must not do; refusals are kept, since a test may catch them."""

    def __init__(self) -> None:
        self.is_on = False
        self.refused: list[str] = []

    def refuse(self, act: str, tier: str) -> None:
        message = (
            f"A unit test {act}. Declare the tier at the fixture that does it, "
            f"@needs({tier!r}), or at the test, @pytest.mark.{tier}."
        )
        self.refused.append(message)
        raise TierError(message)


_guard = _Guard()
_PROCESSES: Final = {
    "subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system",
}  # fmt: skip
_SOCKETS: Final = {"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"}


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _guard.is_on:
        return
    if event in _PROCESSES:
        _guard.refuse(f"started a process ({event} {arguments[:1]})", "service")
    elif event == "socket.sendmsg":  # how the sandbox's server gets each job
        _guard.refuse("handed work to a child process", "service")
    elif event in _SOCKETS:
        _guard.refuse(f"used the network ({event} {arguments[-1]})", "service")
    elif event == "open" and isinstance(arguments[0], str) and _is_weights(arguments[0]):
        _guard.refuse(f"read weights ({Path(arguments[0]).name})", "slow")


def _is_weights(path: str) -> bool:
    return path.startswith(f"{WEIGHTS}/")


# The interpreter itself reports what it does, whichever library asked for it, in each thread.
sys.addaudithook(_audit)


def _refusing(function: Callable[..., Any], act: str, is_refused: Callable[..., bool]) -> Any:
    """Wrap a function of which the interpreter reports nothing."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if _guard.is_on and is_refused(*args, **kwargs):
            _guard.refuse(act, "service")
        return function(*args, **kwargs)

    return wrapper


def _is_for_writing(_file: Any, mode: str | None = None, *_: Any, **__: Any) -> bool:
    return bool(mode) and str(mode).startswith("w")


def _always(*_: Any, **__: Any) -> bool:
    return True


def pytest_configure() -> None:
    """Watch the two libraries that encode videos, and processes that skip `subprocess`."""
    import av
    import cv2

    av.open = _refusing(av.open, "encoded a video", _is_for_writing)
    cv2.VideoWriter = _refusing(cv2.VideoWriter, "encoded a video", _always)  # type: ignore[misc]  # a function in place of a class
    process = multiprocessing.process.BaseProcess
    process.start = _refusing(process.start, "started a process", _always)  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Guard a unit test from its first fixture to its last, shared ones too."""
    _guard.is_on = tier_of(item) == "unit"
    _guard.refused.clear()
    try:
        return (yield)
    finally:
        _guard.is_on = False


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Fail a test that caught its refusal."""
    if _guard.refused:
        pytest.fail(_guard.refused[0], pytrace=False)
