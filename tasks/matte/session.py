"""rembg sessions that also give away what the network itself said.

rembg stretches every prediction to its own minimum and maximum. A picture without a person then
gets a full-range matte like any other, and a constant prediction becomes NaN. So the session does
its own preprocessing and inference, and the answer is taken where the network gives it.
"""

import os
import warnings
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from PIL import Image

from tasks.common.media.images import Alpha, Rgb
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights
from tasks.common.weights.fetch import require_weights

_SURE = 60.0  # beyond it a float32 sigmoid is 0 or 1 anyway, and exp would overflow
_lock = Lock()


class Prediction(NamedTuple):
    """Alpha float32 (H, W) in 0..1 as the network means it, and the range of its raw output."""

    alpha: Alpha
    raw_min: float
    raw_max: float


class _Tap:
    """Stands in for the onnxruntime session inside a rembg session and keeps its last answer."""

    def __init__(self, inner: Any):
        self._inner = inner
        self.answer: Alpha | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        outputs = self._inner.run(*args, **kwargs)
        self.answer = np.asarray(outputs[0], dtype=np.float32)[0, 0]
        return outputs


@cache
def _load(weights: Weights, models: Path, providers: tuple[str, ...]) -> Any:
    path = require_weights(weights, models)
    os.environ["U2NET_HOME"] = str(models)  # rembg takes model files from nowhere else
    import onnxruntime
    from rembg import new_session

    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # the arena never gives back; memory should stay flat
    session = new_session(
        weights.session, sess_opts=options, model_path=str(path), providers=list(providers)
    )
    session.inner_session = _Tap(session.inner_session)
    return session


def matte(rgb: Rgb, weights: Weights, settings: Settings) -> Prediction:
    """Predict the alpha of one crop."""
    wants_cuda = settings.device.startswith("cuda")
    providers = ("CUDAExecutionProvider",) * wants_cuda + ("CPUExecutionProvider",)
    with _lock:
        session = _load(weights, settings.models, providers)
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore")  # rembg's own stretching of a constant answer
            session.predict(Image.fromarray(rgb))
        answer = cast(Alpha, session.inner_session.answer)
    probability = as_probability(answer)
    height, width = rgb.shape[:2]
    alpha = cv2.resize(probability, (width, height), interpolation=cv2.INTER_CUBIC)
    return Prediction(np.clip(alpha, 0.0, 1.0), float(answer.min()), float(answer.max()))


def as_probability(answer: Alpha) -> Alpha:
    """Turn a raw answer into probabilities: those of BiRefNet are logits, the others already are.

    Values that are not finite count as 0: no person.
    """
    finite = np.nan_to_num(answer, nan=0.0, posinf=0.0, neginf=0.0)
    if finite.min() < 0.0 or finite.max() > 1.0 + 1e-3:
        logits = np.clip(finite, -_SURE, _SURE)
        # Not scipy's expit: in float32 a sixth of its values differ in the last bit, and stored
        # alphas must stay as they are.
        return cast(Alpha, (1.0 / (1.0 + np.exp(-logits))).astype(np.float32))
    return np.clip(finite, 0.0, 1.0)
