"""What the pixels of a picture say of its projection.

A sphere meets itself at the left and right border, and its first and last rows are one point each.
A fisheye lens leaves a disc on black. The faces of a cube map do not go on across their borders.
"""

from typing import Literal, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Mask, Rgb

Sign = Literal["sphere", "flat", "unsure"]
Grey = NDArray[np.float32]

# Mean difference of the outer columns over the median difference of neighbouring ones. On real
# spheres 1.5 to 3.8, on flat pictures of this shape 5 and more, mostly 15 and more.
_MEETS, _PARTS = 5.0, 15.0
_BELIES = 10.0  # what a file that says it is a sphere must not reach
# Deviation along the first or last row over that along rows in the middle. Real spheres: mostly 0.2
# at most, one frame of 322 px of height 0.6; flat pictures 0.3 and more at one of the rows.
_EVEN, _UNEVEN = 0.5, 0.8
# Below these an even border says nothing: a studio's white wall meets itself, too.
_STRUCTURED = 10.0  # deviation along the outer columns, grey levels
_LIKE = 0.85  # their correlation; real spheres 0.94 and more
_TEXTURED = 4.0  # deviation along rows; a black frame has less
_SAME_EYES = 0.93  # correlation of the two eyes' small pictures; halves of real spheres at most 0.7
_THUMB_WH = (64, 32)
_SPHERE = 2.0  # width over height
# That, a pair of discs above each other, stereo pairs of spheres, and cube maps.
_SHAPES = (_SPHERE, 0.5, 1.0, 4.0, 3 / 2, 6.0, 1 / 6)
_NEAR = 0.01  # sizes are multiples of 2 or 16 px
_MOST_ROWS = 512  # bounds memory; the tests are means over rows
# A disc: nearly all is dark beyond 1.2 radii, most is bright within.
_DARK = 40
_OUT, _IN, _RIM = 1.2, 0.8, (0.85, 0.95)
_OUT_SHARE, _IN_SHARE, _RIM_SHARE = 0.85, 0.7, 0.6
_OUT_SHARE_ALONE = 0.98
_DISC_PX = 256
# Faces of a cube map: the step at a border over those beside it.
_FACE_STEP, _USUAL_FACE_STEP = 2.5, 5.0
_BESIDE_PX = 8
_LEAST_STEP = 2.0


class Evidence(NamedTuple):
    """What one picture of a source says; see `look_at`.

    `parts` says that the left and right border surely do not meet, `is_blank` that the picture has
    too little in it to say anything.
    """

    sphere: Sign
    parts: bool
    is_blank: bool
    is_stereo_top_bottom: bool
    is_stereo_left_right: bool
    n_discs: int
    is_cubemap: bool


_LEAST_PX = 32  # on each side; smaller pictures hold nothing that could be used
_TOO_SMALL = Evidence("flat", False, True, False, False, 0, False)


def may_be_other(width_to_height: float) -> bool:
    """Say whether a picture of this shape may be something else than flat or a single disc."""
    return any(_is_near(width_to_height, shape) for shape in _SHAPES)


def look_at(rgb: Rgb, width_to_height: float, *, is_claimed: bool = False) -> Evidence:
    """Return what a picture of this shape, as it is shown, says of its projection.

    With `is_claimed` the file says that it is a sphere, so that it is tested whatever its shape.
    """
    height, width = rgb.shape[:2]
    if min(height, width) < _LEAST_PX:
        return _TOO_SMALL
    top, left = rgb[: height // 2], rgb[:, : width // 2]
    is_twofold = _is_near(width_to_height, _SPHERE)
    is_textured = _row_deviation(_grey(_thinned(rgb))) >= _TEXTURED
    return Evidence(
        sphere=sphere_sign(rgb) if is_twofold else "flat",
        parts=(is_twofold or is_claimed) and is_textured and _border_ratio(rgb) >= _BELIES,
        is_blank=not is_textured,
        is_stereo_top_bottom=(is_twofold or is_claimed or _is_near(width_to_height, 1.0))
        and _are_alike(top, rgb[height - height // 2 :])
        and sphere_sign(top) == "sphere",
        is_stereo_left_right=(is_twofold or _is_near(width_to_height, 4.0))
        and _are_alike(left, rgb[:, width - width // 2 :])
        and sphere_sign(left) == "sphere",
        n_discs=_count_discs(rgb, width_to_height),
        is_cubemap=_is_cubemap(rgb, width_to_height),
    )


def _is_near(ratio: float, wanted: float) -> bool:
    return abs(ratio / wanted - 1) <= _NEAR


def sphere_sign(rgb: Rgb) -> Sign:
    """Say whether a picture twice as wide as high is a whole sphere."""
    grey = _grey(_thinned(rgb))
    middle = _row_deviation(grey)
    if middle < _TEXTURED:
        return "unsure"
    unevenness = float(grey[[0, -1]].std(axis=1).max()) / middle
    outer = grey[:, [0, -1]]
    is_structured = float(outer.std(axis=0).min()) >= _STRUCTURED
    # An even background meets itself, too, but the person before it stands on the last row.
    if unevenness > (_UNEVEN if is_structured else _EVEN):
        return "flat"
    ratio = _border_ratio(rgb)
    if ratio >= _PARTS:
        return "flat"
    is_like = is_structured and float(np.corrcoef(outer[:, 0], outer[:, 1])[0, 1]) >= _LIKE
    return "sphere" if is_like and ratio <= _MEETS and unevenness <= _EVEN else "unsure"


def _thinned(rgb: Rgb) -> Rgb:
    """Return some rows of a picture: the first, the last, and others evenly between them."""
    rows = np.linspace(0, len(rgb) - 1, min(len(rgb), _MOST_ROWS)).astype(int)
    thinned: Rgb = rgb[rows]
    return thinned


def _grey(rgb: Rgb) -> Grey:
    grey: Grey = rgb.astype(np.float32).mean(axis=2)
    return grey


def _row_deviation(grey: Grey) -> float:
    """Return the median deviation along rows between a third and two thirds of the height."""
    height = len(grey)
    return float(np.median(grey[height // 3 : max(height // 3 + 1, 2 * height // 3)].std(axis=1)))


def _border_ratio(rgb: Rgb) -> float:
    values = _thinned(rgb).astype(np.float32)
    outer = float(np.abs(values[:, 0] - values[:, -1]).mean())
    neighbours = float(np.median(np.abs(np.diff(values, axis=1)).mean(axis=(0, 2))))
    # A tenth of a grey level: drawn pictures have no noise, and compressed ones repeat columns.
    return outer / max(neighbours, 0.1)


def _are_alike(a: Rgb, b: Rgb) -> bool:
    small = [
        _grey(cast(Rgb, cv2.resize(half, _THUMB_WH, interpolation=cv2.INTER_AREA)))
        for half in (a, b)
    ]
    if min(float(half.std()) for half in small) < _TEXTURED:
        return False
    return float(np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1]) >= _SAME_EYES


def _count_discs(rgb: Rgb, width_to_height: float) -> int:
    """Return 2 for a pair of discs, side by side or one above the other, 1 for a single one."""
    height, width = rgb.shape[:2]
    halves = None
    if _is_near(width_to_height, 2.0):
        halves = rgb[:, : width // 2], rgb[:, width - width // 2 :]
    elif _is_near(width_to_height, 0.5):
        halves = rgb[: height // 2], rgb[height - height // 2 :]
    if halves and all(_is_disc(half, 1.0, _OUT_SHARE) for half in halves):
        return 2
    return int(_is_disc(rgb, width_to_height, _OUT_SHARE_ALONE))


def _is_disc(rgb: Rgb, width_to_height: float, out_share: float) -> bool:
    """Say whether a picture is a bright disc in its middle on black."""
    size_wh = (max(1, round(_DISC_PX * width_to_height)), _DISC_PX)
    bright = cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA).max(axis=2) >= _DARK
    ys, xs = np.mgrid[: size_wh[1], : size_wh[0]].astype(np.float32) + 0.5
    far = np.square(ys - size_wh[1] / 2) + np.square(xs - size_wh[0] / 2)
    radius: Grey = (np.sqrt(far) / (min(size_wh) / 2)).astype(np.float32)
    out, rim = radius > _OUT, (radius > _RIM[0]) & (radius < _RIM[1])
    return (
        float((~bright[out]).mean()) >= out_share
        and float(bright[radius < _IN].mean()) >= _IN_SHARE
        and float(bright[rim].mean()) >= _RIM_SHARE
    )


def _is_cubemap(rgb: Rgb, width_to_height: float) -> bool:
    """Say whether a picture is six square faces, in two rows of three or in one row or column."""
    for columns, rows in ((3, 2), (6, 1), (1, 6)):
        if _is_near(width_to_height, columns / rows):
            grey = cast(Mask, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
            return _has_faces(grey, columns, rows)
    return False


def _has_faces(grey: Mask, columns: int, rows: int) -> bool:
    height, width = grey.shape
    steps = []
    for row in range(rows):
        band = grey[row * height // rows : (row + 1) * height // rows]
        steps += [_step(band, column * width // columns) for column in range(1, columns)]
    for column in range(columns):
        band = grey[:, column * width // columns : (column + 1) * width // columns].T
        steps += [_step(band, row * height // rows) for row in range(1, rows)]
    return min(steps) >= _FACE_STEP and float(np.median(steps)) >= _USUAL_FACE_STEP


def _step(band: Mask, at: int) -> float:
    """Return the mean step between columns `at - 1` and `at` over the median of those beside."""
    columns = band[:, max(0, at - _BESIDE_PX) : at + _BESIDE_PX].astype(np.float32)
    steps = np.abs(np.diff(columns, axis=1)).mean(axis=0)
    own = float(steps[min(at, _BESIDE_PX) - 1])
    return own / max(float(np.median(steps)), _LEAST_STEP)
