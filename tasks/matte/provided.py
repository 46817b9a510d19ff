"""Masks that came with a picture stand in for what a model would say."""

from typing import Any

import numpy as np

from tasks.common.errors import ArtifactError
from tasks.common.media.images import encode_png, read_grey, to_codes
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.matte.session import Matte


def given_matte(crop: dict[str, Any], out: ArtifactWriter) -> tuple[Matte, str, str]:
    """Return the matte of a crop whose mask people made, with its path and sha256.

    Raises:
        ArtifactError: the mask is not the one that was cut with the crop.
    """
    if not out.workspace.is_whole(crop["given_path"], crop["given_digest"]):
        raise ArtifactError(f"The mask {crop['given_path']} changed since it was cut; run again.")
    mask = read_grey(out.workspace.path(crop["given_path"]))
    alpha = mask.astype(np.float32)
    path, digest = out.put(f"{crop['crop_id']}-alpha.png", encode_png(to_codes(alpha)))
    return Matte(alpha, 0.0, 1.0), path, digest
