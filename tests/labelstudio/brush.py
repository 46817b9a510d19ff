"""Label Studio's own brush code, for `check.py`; runs in Label Studio's environment.

python brush.py encode FOLDER    each mask, NAME.npy (H, W) of 0 and 255, becomes NAME.json
python brush.py decode FOLDER    each NAME.json becomes NAME.npy, the alpha of the brush
"""

import json
import sys
from pathlib import Path

import numpy as np
from label_studio_sdk.converter.brush import decode_rle, mask2rle

CHANNELS = 4


def encode(file: Path) -> None:
    """Write the run lengths of a mask and its size."""
    mask = np.load(file)
    height, width = mask.shape
    content = {"rle": [int(byte) for byte in mask2rle(mask)], "width": width, "height": height}
    file.with_suffix(".json").write_text(json.dumps(content))


def decode(file: Path) -> None:
    """Write the alpha of some run lengths."""
    content = json.loads(file.read_text())
    pixels = decode_rle(content["rle"]).reshape(content["height"], content["width"], CHANNELS)
    np.save(file.with_suffix(".npy"), pixels[..., -1])


if __name__ == "__main__":
    action, folder = sys.argv[1], Path(sys.argv[2])
    for path in sorted(folder.glob("*.npy" if action == "encode" else "*.json")):
        encode(path) if action == "encode" else decode(path)
