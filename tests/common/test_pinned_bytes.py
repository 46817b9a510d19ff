"""What is written is the same bytes on every machine, and after every change of a dependency.

The digests were also had on an emulated processor without AVX. When one moves, published versions
move with it: every tree of the same samples gets another name, so it should be for a good reason.
"""

import numpy as np
import pandas as pd
import pytest

from tasks.common.files import digest_bytes
from tasks.common.media.images import encode_jpeg, encode_png
from tasks.common.schema.tables import encode_table

_Y, _X = np.mgrid[:300, :200]


def colours() -> np.ndarray:
    return np.stack([_X, _Y, _X * _Y // 7], axis=-1).astype(np.uint8)


def ellipse() -> np.ndarray:
    inside: np.ndarray = ((_X - 100) / 70) ** 2 + ((_Y - 150) / 130) ** 2 < 1
    return inside.astype(np.uint8)


def table() -> pd.DataFrame:
    words = pd.array(["img_dir/train/a.jpg", None, "街"] * 200, dtype="string")
    return pd.DataFrame({"name": words, "size": pd.array(range(600), dtype="Int64")})


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        pytest.param(encode_jpeg(colours(), 95), "d673e4e7d6329979", id="image"),
        pytest.param(encode_png(ellipse()), "4c096ada8a7e9a4e", id="mask"),
        pytest.param(encode_png(colours()), "70c9948bdffb4964", id="crop"),
        pytest.param(encode_table(table()), "c8612599f5044536", id="table"),
    ],
)
def test_an_encoded_file_has_the_bytes_that_it_always_had(data: bytes, digest: str) -> None:
    assert digest_bytes(data)[:16] == digest
