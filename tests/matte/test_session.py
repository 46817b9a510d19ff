"""The real matting model: what it says of people, of nobody, and never twice."""

from pathlib import Path

import numpy as np
import pytest

from tasks.common.files import digest_file, write_file
from tasks.common.media.images import encode_png, read_rgb
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights
from tasks.common.workspace.artifacts import Workspace
from tasks.matte.cache import MatteStore
from tasks.matte.session import _load, matte

pytestmark = pytest.mark.slow
WEIGHTS = find_weights("u2netp", "matting")


@pytest.fixture
def person(bus_photo: Path) -> np.ndarray:
    return read_rgb(bus_photo)[380:920, 30:260]


def test_a_person_is_mostly_inside_and_the_street_outside(person: np.ndarray) -> None:
    made = matte(person, WEIGHTS, settings())
    assert made.alpha.shape == person.shape[:2]
    assert made.alpha.dtype == np.float32
    assert float(made.alpha[150:400, 70:160].mean()) > 0.8
    assert float(made.alpha[:, :15].mean()) < 0.2


def test_an_empty_picture_stays_empty_although_rembg_stretches_it() -> None:
    grey = np.full((200, 200, 3), 127, np.uint8)
    made = matte(grey, WEIGHTS, settings())
    from PIL import Image

    providers = ("CPUExecutionProvider",)
    session = _load(WEIGHTS, settings().models, providers)
    stretched = np.asarray(session.predict(Image.fromarray(grey))[0])
    assert int(stretched.max()) >= 128  # rembg would call some of it a person
    assert made.raw_max < 0.5
    assert not (made.alpha >= 0.5).any()


def test_the_session_is_made_once_per_process(person: np.ndarray) -> None:
    matte(person, WEIGHTS, settings())
    matte(person, WEIGHTS, settings())
    assert _load.cache_info().misses == 1


def test_a_crop_is_matted_once_whoever_asks(tmp_path: Path, person: np.ndarray) -> None:
    workspace = Workspace(tmp_path)
    write_file(tmp_path / "crop.png", encode_png(person))
    digest = digest_file(tmp_path / "crop.png")
    first, second = (MatteStore(workspace, WEIGHTS, settings()) for _ in range(2))
    made = first.matte_of("crop.png", digest)
    again = second.matte_of("crop.png", digest)
    assert (first.n_model_calls, second.n_model_calls) == (1, 0)
    assert np.array_equal(made.prediction.alpha, again.prediction.alpha)
    assert made[1:] == again[1:]


def test_a_damaged_matte_is_made_anew_with_the_same_bytes(
    tmp_path: Path, person: np.ndarray
) -> None:
    workspace = Workspace(tmp_path)
    write_file(tmp_path / "crop.png", encode_png(person))
    store = MatteStore(workspace, WEIGHTS, settings())
    _, path, digest = store.matte_of("crop.png", digest_file(tmp_path / "crop.png"))
    data = bytearray((tmp_path / path).read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / path).write_bytes(data)
    _, _, again = store.matte_of("crop.png", digest_file(tmp_path / "crop.png"))
    assert again == digest
    assert store.n_model_calls == 2
