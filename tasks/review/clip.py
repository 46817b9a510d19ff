"""A zero-shot network proposes scenes (open_clip); a curator decides about its proposals."""

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
# Bounds memory; proposals run on a CPU as well.
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
        self._scene_of_prompt = np.repeat(np.arange(len(scenes)), [len(texts) for texts in prompts])
        self._device = device
        # Imported on use: torch takes seconds to load, and only this command needs it.
        clip = _import_open_clip()
        # TorchScript archives hold code; this one's digest is in the catalogue.
        self._model, _, self._prepare = clip.create_model_and_transforms(
            weights.session, pretrained=str(path), device=device, weights_only=False
        )
        # Without `eval` dropout and batch statistics would make scores depend on the batch.
        self._model.eval()
        tokens = clip.get_tokenizer(weights.session)
        texts = [text for of_scene in prompts for text in of_scene]
        # The neutral prompt is the last row: `scores` takes it as column -1.
        self._prompts = self._encode(self._model.encode_text, tokens([*texts, _NEUTRAL]))

    def propose(self, pictures: Iterable[tuple[str, Rgb]], min_score: float) -> Iterator[Proposal]:
        """Yield, for pictures by stem, the scenes that score `min_score` or more, best first."""
        for batch in batched_pairs(pictures):
            scores = self.scores([rgb for _, rgb in batch])
            for (stem, _), row in zip(batch, scores, strict=True):
                for index in np.argsort(-row, kind="stable"):
                    if row[index] >= min_score:
                        yield Proposal(stem, self._scenes[index], round(float(row[index]), 3))

    def scores(self, pictures: Sequence[Rgb]) -> NDArray[np.float64]:
        """Return scores 0..1 (N, scenes): the best prompt of a scene against the neutral one."""
        import torch

        prepared = torch.stack([self._prepare(Image.fromarray(rgb)) for rgb in pictures])
        similarities = (
            _TEMPERATURE * self._encode(self._model.encode_image, prepared) @ self._prompts.T
        )
        # The best of a scene's prompts, not their mean: prompts are alternatives, and a picture of
        # snow need not look like the other ways to say winter.
        best = np.full((len(pictures), len(self._scenes)), -np.inf)
        for prompt, scene in enumerate(self._scene_of_prompt):
            best[:, scene] = np.maximum(best[:, scene], similarities[:, prompt])
        # A softmax over two classes, scene and neutral, is the sigmoid of the difference. So scenes
        # do not compete with each other, and a sample may be in several.
        return np.asarray(expit(best - similarities[:, -1:]))

    def _encode(self, encode: Any, inputs: Any) -> NDArray[np.float64]:
        """Return unit vectors, float64 (N, features)."""
        import torch

        with torch.inference_mode():
            features = encode(inputs.to(self._device)).double().cpu().numpy()
        return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True))


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
