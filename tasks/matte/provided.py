"""Provided masks: the annotation of a picture is used instead of a model's prediction."""

import numpy as np

from tasks.common.errors import ArtifactError
from tasks.common.media.images import encode_png, read_grey, to_codes
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.matte.cache import StoredAlpha
from tasks.matte.session import Prediction


def provided_alpha(
    crop_id: str, mask_path: str, mask_digest: str | None, out: ArtifactWriter
) -> StoredAlpha:
    """Write the mask that an annotator drew as the alpha of its crop.

    Raises:
        ArtifactError: the mask is missing or has changed since the crop was cut.
    """
    if mask_digest is None or not out.workspace.is_whole(mask_path, mask_digest):
        raise ArtifactError(f"The mask {mask_path} changed since it was cut; run again.")
    alpha = read_grey(out.workspace.path(mask_path)).astype(np.float32)
    path, digest = out.put(f"{crop_id}-alpha.png", encode_png(to_codes(alpha)))
    # A drawn mask has no raw output; 0 and 1 are its range.
    return StoredAlpha(Prediction(alpha, 0.0, 1.0), path, digest)
