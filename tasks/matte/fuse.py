"""Fuse the opinions of several networks on one person into one alpha.

A matting network cuts out what is salient, a pose network marks a body coarsely. Where networks of
different kinds err, they err differently, so a mean of their logits is right more often than each
of them. Two things are added, neither of them fitted: an opinion counts by how much the others
agree with it in this crop, and a pixel's colour counts by how much more often the sure person has
it than the sure background. What that is worth is measured in docs/decisions/0019.

The region is decided on a small grid; fine edges, such as hair and fingers, come from the first
opinion where it agrees about the region.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Alpha, Mask, Rgb
from tasks.common.media.person_part import person_part
from tasks.common.schema.boxes import Box

Floats = NDArray[np.float32]
Pixels = TypeVar("Pixels", NDArray[np.float32], NDArray[np.uint8])

_GRID_PX = 256  # of the longer side; 160 and 384 gave the same masks
# Beyond this a network is sure; without the bound, a single one at 1 - 1e-7 outvotes all others.
_CLIP = 0.005
_AGREEMENT_POWER = 4  # 2 to 8 gave the same share of good masks
_COLOUR_WEIGHT = 0.2
_COLOUR_BINS = 12  # per axis of Lab
_COLOUR_BLUR = 0.01  # standard deviation over the box's longer side: single pixels are noise
_MAX_COLOUR = 4.0  # of the log ratio; a colour seen once must not decide
_SURE_PERSON, _SURE_BACKGROUND = 0.85, 0.15
_IS_PERSON = 0.5
_SURE_JOINT = 0.5  # a joint that both looks of the pose model see


class Body(NamedTuple):
    """What a pose model knows of the person: joints (n, 2) in px of the crop, their confidence
    (n,), and its mask at any size, or None if the model has none."""

    points_xy: Floats
    seen: Floats
    mask: Alpha | None


def fuse(opinions: Sequence[Alpha], rgb: Rgb, person: Box) -> Alpha:
    """Return the fused probability that a pixel belongs to the person, float32 (H, W) of the crop.

    `opinions` are probabilities over the whole crop, each at a size of its own, at least one; the
    first is the matting model whose edges are kept. `rgb` is the crop, uint8 (H, W, 3), `person`
    the detector's box in px of it.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, _GRID_PX / max(height, width))
    grid_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    logits = [_logits(_resized(opinion, grid_wh)) for opinion in opinions]
    weighted = [weight * logit for weight, logit in zip(agreement(logits), logits, strict=True)]
    region = cast(Floats, np.sum(weighted, axis=0, dtype=np.float32))
    unit_px = scale * max(person.width, person.height)
    colours = _colour_evidence(_resized(rgb, grid_wh), _probability(region), unit_px)
    region += _COLOUR_WEIGHT * colours
    return _with_fine_edges(_probability(region), _resized(opinions[0], (width, height)))


def agreement(logits: Sequence[Floats]) -> Floats:
    """Return the weight of each opinion, (n,), of sum 1: its mean IoU with the others, to the 4th.

    Equal weights where nothing overlaps.
    """
    masks = [logit >= 0 for logit in logits]
    overlaps = np.array([[_iou(a, b) for b in masks] for a in masks])
    n_others = max(1, len(masks) - 1)
    weights = ((overlaps.sum(axis=1) - np.diag(overlaps)) / n_others) ** _AGREEMENT_POWER
    total = weights.sum()
    if total == 0.0:
        return np.full(len(masks), 1.0 / len(masks), np.float32)
    return cast(Floats, (weights / total).astype(np.float32))


def without_foreign_parts(mask: Mask, person: Box, body: Body | None) -> Mask:
    """Return the mask with the parts that are the person's only, uint8 (H, W) of 0 and 1.

    A part stays if it is the one that `person_part` names, holds a sure joint, or lies mostly in
    the pose model's mask: a leg behind a bench is its owner's, a flag beside her is not.
    """
    main = person_part(mask, person)
    if main is None or body is None:
        return mask if main is None else main
    n_labels, labels = cv2.connectedComponents(mask, connectivity=8)
    kept = np.zeros(n_labels, bool)
    kept[labels[main == 1]] = True
    height, width = mask.shape
    xs, ys = body.points_xy[body.seen >= _SURE_JOINT].round().astype(int).T
    inside = (xs >= 0) & (xs < width) & (ys >= 0) & (ys < height)
    kept[labels[ys[inside], xs[inside]]] = True
    if body.mask is not None:
        in_body = _resized(body.mask, (width, height)) >= _IS_PERSON
        sizes = np.bincount(labels.ravel(), minlength=n_labels)
        claimed = np.bincount(labels[in_body], minlength=n_labels)
        kept |= claimed * 2 > sizes
    kept[0] = False  # the background, in which a joint may lie
    return cast(Mask, kept[labels].astype(np.uint8))


def _with_fine_edges(region: Floats, edges: Alpha) -> Alpha:
    """Return the region, coarse, with the detail of a matting model's alpha where both agree.

    The detail is what the alpha loses when it is made as coarse as the region.
    """
    height, width = edges.shape
    size_wh = (width, height)
    smooth = np.clip(cv2.resize(region, size_wh, interpolation=cv2.INTER_CUBIC), 0.0, 1.0)
    if region.shape == edges.shape:  # the crop is no larger than the grid: nothing was lost
        return cast(Alpha, smooth)
    grid_wh = (region.shape[1], region.shape[0])
    coarse = cv2.resize(_resized(edges, grid_wh), size_wh, interpolation=cv2.INTER_CUBIC)
    agreed = 1.0 - np.abs(smooth - np.clip(coarse, 0.0, 1.0))
    return cast(Alpha, np.clip(smooth + agreed * (edges - coarse), 0.0, 1.0).astype(np.float32))


def _colour_evidence(rgb: Rgb, person: Floats, unit_px: float) -> Floats:
    """Return the log ratio of a colour's frequency in the sure person and the sure background.

    0 everywhere where one of the two is empty: a colour can only speak for one against the other.
    """
    is_person, is_background = person > _SURE_PERSON, person < _SURE_BACKGROUND
    if not is_person.any() or not is_background.any():
        return np.zeros(person.shape, np.float32)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab)
    bins = np.minimum(lab.astype(np.int32) * _COLOUR_BINS // 256, _COLOUR_BINS - 1)
    cells = (bins[..., 0] * _COLOUR_BINS + bins[..., 1]) * _COLOUR_BINS + bins[..., 2]
    shown, around = _frequencies(cells[is_person]), _frequencies(cells[is_background])
    ratio = np.clip(np.log(shown / around), -_MAX_COLOUR, _MAX_COLOUR).astype(np.float32)[cells]
    return cast(Floats, cv2.GaussianBlur(ratio, (0, 0), max(0.7, _COLOUR_BLUR * unit_px)))


def _frequencies(cells: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the smoothed share of each colour; never 0."""
    side = _COLOUR_BINS
    counts = np.bincount(cells, minlength=side**3).astype(np.float64).reshape(side, side, side)
    for axis in range(3):  # binomial (1, 2, 1) / 4 along each axis: neighbouring colours are alike
        padded = np.pad(counts, [(1, 1) if at == axis else (0, 0) for at in range(3)], mode="edge")
        lower, upper = (np.take(padded, range(low, low + side), axis) for low in (0, 2))
        counts = 0.5 * counts + 0.25 * (lower + upper)
    prior = 0.5 / side**2  # sums to half a pixel per level of lightness
    return cast(NDArray[np.float64], ((counts + prior) / (counts.sum() + prior * side**3)).ravel())


def _resized(pixels: Pixels, size_wh: tuple[int, int]) -> Pixels:
    if (pixels.shape[1], pixels.shape[0]) == size_wh:
        return pixels
    shrinks = size_wh[0] * size_wh[1] < pixels.shape[0] * pixels.shape[1]
    # AREA averages, so shrinking does not alias; it would give blocks when enlarging.
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cast(Pixels, cv2.resize(pixels, size_wh, interpolation=how))


def _logits(probability: Alpha) -> Floats:
    clipped = np.clip(probability, _CLIP, 1.0 - _CLIP)
    return cast(Floats, np.log(clipped / (1.0 - clipped)).astype(np.float32))


def _probability(logits: Floats) -> Floats:
    return cast(Floats, (1.0 / (1.0 + np.exp(-logits))).astype(np.float32))


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    either = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / either) if either else 0.0
