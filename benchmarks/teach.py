"""What masks teach: a small network learns from them and is tested on masks drawn by people.

    python -m benchmarks.teach FOLDER --recipe local --every 4

FOLDER is laid out as for `benchmarks.masks`. The network is a head on the detector's frozen
features at 256 px, small enough that what it learns depends on the masks. Sequences are divided in
two halves; it learns from one and is tested on the drawn masks of the other, both ways, with three
seeds. The table compares what the recipe keeps with drawn masks of the same pictures, with all the
machine's masks, and with drawn masks of all.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.masks import Target, masks_asked, parser_of, targets
from benchmarks.stages import Clock, workspace_in
from tasks.common.media.images import Mask, read_rgb
from tasks.common.recipe.models import load_recipe
from tasks.common.settings import settings
from tasks.common.weights.catalogue import find_weights
from tasks.common.weights.verified import verified_weights
from tasks.common.weights.yolo import load_yolo

_SIDE_PX = 256
_GRID = _SIDE_PX // 8  # the finest of the detector's three feature maps
_HIDDEN = 64
_STEPS, _BATCH, _RATE = 300, 16, 2e-3
_SEEDS = (0, 1, 2)

Choice = Callable[[Target], Mask | None]
"""The mask that a training gets of a target; None leaves it out."""


class Example(NamedTuple):
    """A target with its features (C, 32, 32) and its drawn mask (256, 256), 0 and 1."""

    target: Target
    features: Tensor
    truth: Tensor


def _kept(target: Target) -> Mask | None:
    return target.mask if target.verdict == "keep" else None


def _kept_drawn(target: Target) -> Mask | None:
    return target.truth if target.verdict == "keep" else None


CHOICES: dict[str, Choice] = {
    "kept by the recipe": _kept,
    "the same, drawn by people": _kept_drawn,
    "all of the machine's": lambda target: target.mask,
    "all, drawn by people": lambda target: target.truth,
}


class _Features:
    """The detector's frozen features of a picture, at 256 px."""

    def __init__(self, model: str):
        weights = find_weights(model, "person-detector")
        with verified_weights(weights, settings().models) as path:
            self._model: Any = load_yolo(path, "detect", settings().models).model.eval()
        self._seen: list[Tensor] = []
        # What goes into the last layer is the three maps that boxes are read from.
        self._model.model[-1].register_forward_pre_hook(self._keep)

    def _keep(self, _: Any, inputs: tuple[list[Tensor]]) -> None:
        self._seen = list(inputs[0])

    def of(self, picture: Path) -> Tensor:
        """Return float32 (C, 32, 32): the three maps, the coarse ones enlarged."""
        rgb = cv2.resize(read_rgb(picture), (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
        batch = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            self._model(batch)
            maps = [
                nn.functional.interpolate(one, (_GRID, _GRID), mode="bilinear")
                for one in self._seen
            ]
        return torch.cat(maps, dim=1)[0]


def _square(mask: Mask) -> Tensor:
    size_wh = (_SIDE_PX, _SIDE_PX)
    return torch.from_numpy(cv2.resize(mask, size_wh, interpolation=cv2.INTER_NEAREST)).float()


def learn(examples: Sequence[Example], choose: Choice, seed: int) -> nn.Module | None:
    """Train a head on the chosen masks; None where there are none."""
    pairs = [(one.features, choose(one.target)) for one in examples]
    chosen = [(features, _square(mask)) for features, mask in pairs if mask is not None]
    if not chosen:
        return None
    torch.manual_seed(seed)
    features = torch.stack([one for one, _ in chosen])
    masks = torch.stack([mask for _, mask in chosen])[:, None]
    head = nn.Sequential(
        nn.Conv2d(features.shape[1], _HIDDEN, 1), nn.ReLU(),
        nn.Conv2d(_HIDDEN, _HIDDEN, 3, padding=1), nn.ReLU(),
        nn.Conv2d(_HIDDEN, 1, 1), nn.Upsample(size=(_SIDE_PX, _SIDE_PX), mode="bilinear"),
    )  # fmt: skip
    optimiser = torch.optim.Adam(head.parameters(), _RATE)
    for _ in range(_STEPS):
        batch = torch.randint(len(chosen), (min(_BATCH, len(chosen)),))
        loss = nn.functional.binary_cross_entropy_with_logits(head(features[batch]), masks[batch])
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return head


def score(head: nn.Module, examples: Sequence[Example]) -> NDArray[np.float64]:
    """Return the IoU with the drawn mask of each example."""
    with torch.no_grad():
        found = [head(one.features[None])[0, 0] > 0 for one in examples]
    pairs = [(mask, one.truth == 1) for mask, one in zip(found, examples, strict=True)]
    return np.array([float((a & b).sum() / max(1, int((a | b).sum()))) for a, b in pairs])


def taught(examples: Sequence[Example], choose: Choice) -> tuple[float, float, int]:
    """Return mean IoU of both halves and all seeds, its spread over seeds, and pictures a half."""
    names = sorted({one.target.sequence for one in examples})
    halves = [
        [one for one in examples if names.index(one.target.sequence) % 2 == n] for n in (0, 1)
    ]
    by_seed = []
    for seed in _SEEDS:
        heads = [learn(half, choose, seed) for half in halves]
        scores = [
            score(head, other)
            for head, other in zip(heads, reversed(halves), strict=True)
            if head is not None
        ]
        by_seed.append(float(np.mean(np.concatenate(scores))) if scores else float("nan"))
    n_chosen = sum(choose(one.target) is not None for one in examples)
    return float(np.mean(by_seed)), float(np.ptp(by_seed)), n_chosen // len(halves)


def main() -> None:
    """Print what each choice of masks teaches."""
    parser = parser_of(__doc__)
    parser.add_argument("--recipe", default="local")
    asked = parser.parse_args()
    recipe, clock = load_recipe(asked.recipe), Clock()
    masks = masks_asked(asked)
    with workspace_in(asked.workspace) as workspace:
        features = _Features(recipe.detect.model)
        examples = [
            Example(target, features.of(target.picture), _square(target.truth))
            for target in targets(masks, recipe, workspace, clock)
        ]
        print("masks                       mean IoU  spread  pictures a half")
        for name, choose in CHOICES.items():
            mean, spread, n = taught(examples, choose)
            print(f"{name:28s}{mean:8.3f}{spread:8.3f}{n:8d}")


if __name__ == "__main__":
    main()
