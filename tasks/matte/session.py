"""rembg sessions that return the raw output of the network.

rembg stretches every prediction to its own minimum and maximum. A picture without a person then
gets a full-range matte like any other, and a constant prediction becomes NaN. So rembg does
preprocessing and inference, and a tap takes the output before stretching (docs/decisions/0003).
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
from tasks.common.weights.verified import verified_weights

_MAX_LOGIT = 60.0  # beyond it a float32 sigmoid is 0 or 1, and exp could overflow
_lock = Lock()  # the tap keeps one output, so one prediction at a time


class Prediction(NamedTuple):
    """Unstretched alpha, float32 (H, W) in 0..1, and the range of the network's raw output."""

    alpha: Alpha
    raw_min: float
    raw_max: float


class _Tap:
    """Wraps the onnxruntime session inside a rembg session and keeps its last output."""

    def __init__(self, inner: Any):
        self._inner = inner
        self.output: Alpha | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        outputs = self._inner.run(*args, **kwargs)
        self.output = np.asarray(outputs[0], dtype=np.float32)[0, 0]
        return outputs


@cache
def _load(weights: Weights, models: Path, providers: tuple[str, ...]) -> Any:
    import onnxruntime
    from rembg import new_session

    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # the arena never returns memory to the system
    with verified_weights(weights, models) as path:
        # The folder in which rembg searches model files, by names of its own.
        os.environ["U2NET_HOME"] = str(path.parent)
        session = new_session(
            weights.session, sess_opts=options, model_path=str(path), providers=list(providers)
        )
    session.inner_session = _Tap(session.inner_session)
    return session


def matte(rgb: Rgb, weights: Weights, settings: Settings) -> Prediction:
    """Predict the alpha of one crop, uint8 (H, W, 3)."""
    wants_cuda = settings.device.startswith("cuda")
    providers = ("CUDAExecutionProvider",) * wants_cuda + ("CPUExecutionProvider",)
    with _lock:
        session = _load(weights, settings.models, providers)
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore")  # rembg divides by zero at a constant output
            session.predict(Image.fromarray(rgb))
        # Read under the lock: another thread's prediction would replace it.
        output = cast(Alpha, session.inner_session.output)
    probability = as_probability(output)
    height, width = rgb.shape[:2]
    # rembg gives the network a square picture, so width and height are scaled back separately.
    alpha = cv2.resize(probability, (width, height), interpolation=cv2.INTER_CUBIC)
    # Cubic interpolation overshoots at sharp edges, hence the clip.
    return Prediction(np.clip(alpha, 0.0, 1.0), float(output.min()), float(output.max()))


def as_probability(output: Alpha) -> Alpha:
    """Convert raw output to probabilities: BiRefNet gives logits, other models probabilities.

    Values that are not finite count as 0: no person.
    """
    finite = np.nan_to_num(output, nan=0.0, posinf=0.0, neginf=0.0)
    # By the values, not the model's name: exports of one network differ in whether the sigmoid is
    # part of it. 1e-3 allows for rounding.
    if finite.min() < 0.0 or finite.max() > 1.0 + 1e-3:
        logits = np.clip(finite, -_MAX_LOGIT, _MAX_LOGIT)
        # Not scipy's expit: in float32 a sixth of its values differ in the last bit, and stored
        # alphas must stay as they are.
        return cast(Alpha, (1.0 / (1.0 + np.exp(-logits))).astype(np.float32))
    return np.clip(finite, 0.0, 1.0)
