"""A zero-shot network proposes scenes (open_clip); what it says decides nothing by itself."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit

from tasks.common.errors import InputError
from tasks.common.media.images import Rgb
from tasks.common.recipe.publish import SceneGroup
from tasks.common.weights.catalogue import Weights

# What every picture of the dataset shows: a scene is proposed by how much better it fits than this.
_NEUTRAL = "a photo of a person"
_TEMPERATURE = 100.0  # with which CLIP was trained (Radford et al., ICML 2021, section 2.5)
_BATCH = 16


class Proposal(NamedTuple):
    """A scene that a sample may be in, with a score 0..1; 0.5 fits no better than any person."""

    stem: str
    scene: str
    score: float


class Tagger:
    """A CLIP model with the scenes' prompts, which are encoded once."""

    def __init__(self, weights: Weights, path: Path, scenes: Sequence[SceneGroup], device: str):
        self._scenes = [scene.id for scene in scenes]
        prompts = [list(scene.prompts or (scene.en,)) for scene in scenes]
        self._owner = np.repeat(np.arange(len(scenes)), [len(own) for own in prompts])
        self._device = device
        clip = _import_open_clip()
        # TorchScript archives hold code; this one's digest is in the catalogue.
        self._model, _, self._prepare = clip.create_model_and_transforms(
            weights.session, pretrained=str(path), device=device, weights_only=False
        )
        self._model.eval()
        tokens = clip.get_tokenizer(weights.session)
        texts = [text for own in prompts for text in own]
        self._prompts = self._encode(self._model.encode_text, tokens([*texts, _NEUTRAL]))

    def propose(self, pictures: Iterable[tuple[str, Rgb]], least: float) -> Iterator[Proposal]:
        """Yield, for pictures by stem, the scenes that score at least `least`, best first."""
        for batch in batched_pairs(pictures):
            scores = self.scores([rgb for _, rgb in batch])
            for (stem, _), row in zip(batch, scores, strict=True):
                for place in np.argsort(-row, kind="stable"):
                    if row[place] >= least:
                        yield Proposal(stem, self._scenes[place], round(float(row[place]), 3))

    def scores(self, pictures: Sequence[Rgb]) -> NDArray[np.float64]:
        """Return scores 0..1 (N, scenes): the best prompt of a scene against the neutral one."""
        import torch

        prepared = torch.stack([self._prepare(Image.fromarray(rgb)) for rgb in pictures])
        similarities = (
            _TEMPERATURE * self._encode(self._model.encode_image, prepared) @ self._prompts.T
        )
        best = np.full((len(pictures), len(self._scenes)), -np.inf)
        for prompt, scene in enumerate(self._owner):
            best[:, scene] = np.maximum(best[:, scene], similarities[:, prompt])
        return np.asarray(expit(best - similarities[:, -1:]))

    def _encode(self, encode: Any, inputs: Any) -> NDArray[np.float64]:
        """Return unit vectors, float64 (N, features)."""
        import torch

        with torch.inference_mode():
            found = encode(inputs.to(self._device)).double().cpu().numpy()
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def batched_pairs(
    pictures: Iterable[tuple[str, Rgb]], size: int = _BATCH
) -> Iterator[list[tuple[str, Rgb]]]:
    """Yield pictures a few at a time."""
    batch: list[tuple[str, Rgb]] = []
    for pair in pictures:
        batch.append(pair)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _import_open_clip() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise InputError(
            "Proposing scenes needs open_clip: install matteflow with its extra, "
            "pip install 'matteflow[tagger]'."
        ) from error
    return open_clip
