"""HDR and wide-gamut video as SDR: light of the codes, highlights rolled off, BT.709 colours."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Rgb

Light = NDArray[np.float32]

# Transfer characteristics and primaries by their code points of ITU-T H.273, tables 2 and 3.
PQ, HLG = 16, 18
_BT2020, _DCI_P3, _DISPLAY_P3 = 9, 11, 12
WIDE_GAMUTS = (_BT2020, _DCI_P3, _DISPLAY_P3)

_N_CODES = 1 << 16
_WHITE_NITS = 203.0  # diffuse white in HDR (ITU-R BT.2408); 1.0 in SDR
_PEAK_NITS = 1000.0  # HLG's nominal peak (BT.2100), and what most PQ material is graded for
_HLG_KNEE = 0.5
_SDR_GAMMA = 2.4  # ITU-R BT.1886

# From linear BT.2020 and P3 (D65) to BT.709: the primaries of ITU-R BT.2020 and SMPTE RP 431.
_TO_709 = {
    _BT2020: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    _DISPLAY_P3: (
        (1.2249, -0.2247, 0.0),
        (-0.0420, 1.0419, 0.0),
        (-0.0197, -0.0786, 1.0979),
    ),
}


def to_sdr(codes: NDArray[np.uint16], trc: int, primaries: int) -> Rgb:
    """Turn RGB codes of 16 bits (H, W, 3) into SDR codes of 8 bits.

    `trc` and `primaries` are H.273 code points; any other `trc` than PQ and HLG is SDR.
    """
    light = _light(codes, trc)
    if trc in (PQ, HLG):
        # By the largest channel, so that hues stay and no channel is clipped.
        brightest = light.max(axis=2)
        light *= (_roll_off(brightest) / np.maximum(brightest, 1e-6))[:, :, None]
    matrix = _TO_709.get(_DISPLAY_P3 if primaries == _DCI_P3 else primaries)
    if matrix is not None:
        light = light @ np.asarray(matrix, np.float32).T
    shown = np.clip(light, 0.0, 1.0) ** np.float32(1 / _SDR_GAMMA)
    rgb: Rgb = np.rint(shown * 255).astype(np.uint8)
    return rgb


def _light(codes: NDArray[np.uint16], trc: int) -> Light:
    """Return display light, 1.0 for SDR white."""
    light = _curve(trc)[codes]
    if trc == HLG:
        # The system gamma of HLG depends on luminance (BT.2100, reference OOTF).
        luminance = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
        light *= np.maximum(luminance, 1e-6)[:, :, None] ** np.float32(0.2)
        light *= np.float32(_PEAK_NITS / _WHITE_NITS)
    return light


@cache
def _curve(trc: int) -> Light:
    """Return a table from codes of 16 bits to light: scene light for HLG, else display light."""
    code = np.linspace(0.0, 1.0, _N_CODES)
    if trc == PQ:
        return (_from_pq(code) / _WHITE_NITS).astype(np.float32)
    if trc == HLG:  # BT.2100: inverse of the HLG OETF
        high = (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12
        return np.where(code <= _HLG_KNEE, code**2 / 3, high).astype(np.float32)
    return (code**_SDR_GAMMA).astype(np.float32)


def _roll_off(light: Light) -> Light:
    """Map light up to the peak into 0..1 (ITU-R BT.2390, the EETF); dark and middle tones stay."""
    return np.interp(light, *_eetf()).astype(np.float32)


@cache
def _eetf() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    source = np.linspace(0.0, _to_pq(_PEAK_NITS), 2048)
    top = source[-1]
    x, most = source / top, float(_to_pq(_WHITE_NITS) / top)
    knee = 1.5 * most - 0.5
    t = np.clip((x - knee) / (1 - knee), 0.0, 1.0)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * most
    )
    mapped = np.where(x < knee, x, spline) * top
    return _from_pq(source) / _WHITE_NITS, _from_pq(mapped) / _WHITE_NITS


def _from_pq(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return nits (SMPTE ST 2084)."""
    root = code ** (1 / 78.84375)
    light: NDArray[np.float64] = (
        np.maximum(root - 0.8359375, 0.0) / (18.8515625 - 18.6875 * root)
    ) ** (1 / 0.1593017578125)
    return light * 10_000


def _to_pq(nits: float) -> float:
    power = (nits / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)
