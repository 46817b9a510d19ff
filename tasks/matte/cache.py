"""Mattes stored by content: a model is called once per crop, whichever run needs the matte."""

from typing import NamedTuple

from PIL import Image

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.media.images import encode_png, read_grey, read_rgb, to_alpha, to_codes
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights
from tasks.common.workspace.artifacts import Workspace
from tasks.matte.credits import DailyCredits
from tasks.matte.removebg import ask_removebg
from tasks.matte.segment import Prompt, segment
from tasks.matte.session import Prediction, matte

# Raised when the input or the output of a model is handled differently. The stage's own VERSION
# also covers masks and tables; raising that one must not repeat the matting of every crop.
_ITEM_VERSION = 2


class StoredAlpha(NamedTuple):
    """The alpha of a crop, with path and sha256 of its file in the workspace."""

    prediction: Prediction
    path: str
    digest: str


class MatteStore:
    """Keeps mattes under `matte/items/<model>/<crop's sha256>.png`.

    What a model of segmentation answers depends on its prompt too, so the name has both digests.
    The PNG holds the raw range as text. PNG's checksums reveal a damaged file, which is computed
    again.
    """

    def __init__(
        self,
        workspace: Workspace,
        weights: Weights,
        settings: Settings,
        credits_a_day: float = 0.0,
    ):
        self._workspace = workspace
        self._weights = weights
        self._settings = settings
        self._credits_a_day = credits_a_day  # of a service; nothing without a recipe's limit
        self.n_model_calls = 0

    @property
    def takes_prompts(self) -> bool:
        """Whether the model is told whom to mark."""
        return self._weights.role == "segmentation"

    def path_of(self, crop_digest: str, prompt: Prompt | None = None) -> str:
        """Return the path of a crop's matte in the workspace, whether it exists or not."""
        # The digest of the weights, since a model's name may get other weights; 12 hex digits tell
        # apart the few models of a workspace.
        name = f"{self._weights.name}-{self._weights.identity[:12]}-v{_ITEM_VERSION}"
        asked = "" if prompt is None else f"-{prompt.key}"
        return f"matte/items/{name}/{crop_digest[:2]}/{crop_digest}{asked}.png"

    def matte_of(
        self, crop_path: str, crop_digest: str, prompt: Prompt | None = None
    ) -> StoredAlpha:
        """Return the alpha of a crop, computed only if it is not stored yet.

        `prompt` is for models that take one, and for them alone.
        """
        path = self.path_of(crop_digest, prompt)
        stored = self._read(path)
        if stored is None:
            self.n_model_calls += 1
            self._write(path, self._predict(crop_path, crop_digest, prompt))
            # Read back although it was just computed: 8-bit codes, as a later run will read them.
            # Otherwise a second run could give other masks than the first.
            stored = self._read(path)
        if stored is None:
            raise ArtifactError(f"The matte {path} cannot be read back right after writing it.")
        digest = digest_bytes(self._workspace.path(path).read_bytes())
        return StoredAlpha(stored, path, digest)

    def _predict(self, crop_path: str, crop_digest: str, prompt: Prompt | None) -> Prediction:
        if not self._workspace.is_whole(crop_path, crop_digest):
            raise ArtifactError(f"The crop {crop_path} changed since it was cut; run again.")
        rgb = read_rgb(self._workspace.path(crop_path))
        if prompt is not None:
            return segment(rgb, prompt, self._weights, self._settings)
        if self._weights.service is not None:
            budget = DailyCredits(self._workspace, self._weights.service, self._credits_a_day)
            return ask_removebg(rgb, budget, self._settings)
        return matte(rgb, self._weights, self._settings)

    def _write(self, path: str, prediction: Prediction) -> None:
        # `repr` gives the shortest text that reads back as the same float.
        text = {"raw_min": repr(prediction.raw_min), "raw_max": repr(prediction.raw_max)}
        self._workspace.write(path, encode_png(to_codes(prediction.alpha), text))

    def _read(self, path: str) -> Prediction | None:
        """Read the 8-bit codes, so that a matte is the same whether it was just made or reused."""
        full = self._workspace.path(path)
        try:
            codes = read_grey(full)
            with Image.open(full, formats=["PNG"]) as image:
                low, high = float(image.info["raw_min"]), float(image.info["raw_max"])
        except (OSError, SyntaxError, ValueError, KeyError):
            return None
        return Prediction(to_alpha(codes), low, high)
