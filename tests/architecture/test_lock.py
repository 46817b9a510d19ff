"""The lock has all that the project asks for, each file by its hash; the constraints repeat it."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "locks").glob("*.lock"))
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ \\]+)(?P<marker> ;.*?)? \\")
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>[^ ,;]+)")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def plain(name: str) -> str:
    """Return a package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(lock: Path) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and marker of each package; each is followed by its hashes."""
    for line in lock.read_text().splitlines():
        match = _ENTRY.fullmatch(line)
        if match:
            yield match["name"], match["version"], match["marker"] or ""


def asked() -> list[str]:
    """Return the requirements of the project and of all its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [
        line for line in (*project["dependencies"], *extras) if not line.startswith("matteflow")
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_has_a_hash_and_none_an_address(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")]
    packages = [at for at, line in enumerate(lines) if not line.startswith(" ")]
    assert packages
    assert all(_ENTRY.fullmatch(lines[at]) for at in packages)
    assert all(re.match(r" +--hash=sha256:[0-9a-f]{64}", lines[at + 1]) for at in packages)
    assert not any("://" in line or "@ " in line for line in lines)


def test_the_lock_has_the_versions_that_the_project_asks_for() -> None:
    locked = {plain(name): version for name, version, _ in entries(ROOT / "locks/packages.lock")}
    missing = {
        line for line in asked() if (match := _NAME.match(line)) and plain(match[0]) not in locked
    }
    assert missing == set(), "run: make lock"
    pins = [match for line in asked() if (match := _PINNED.match(line))]
    wrong = {pin[0] for pin in pins if locked[plain(pin["name"])] != pin["version"]}
    assert wrong == set(), "run: make lock"
    assert {"torch", "torchvision", "nvidia-cublas", "triton"} <= locked.keys()


def test_the_constraints_are_those_of_the_lock() -> None:
    _, *lines = (ROOT / "constraints.txt").read_text().splitlines()
    locked = entries(ROOT / "locks/packages.lock")
    assert lines == [f"{name}=={version}{marker}" for name, version, marker in locked]
