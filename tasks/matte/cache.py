"""Mattes by content: what a model once said of a crop is never asked again, by whichever run."""

from PIL import Image

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.media.images import encode_png, read_grey, read_rgb, to_alpha, to_codes
from tasks.common.settings import Settings
from tasks.common.weights.catalogue import Weights
from tasks.common.workspace.artifacts import Workspace
from tasks.matte.session import Matte, matte

# Raised when a model is fed or read differently. The stage's own VERSION also covers masks and
# tables, and raising that one must not have every crop matted again.
_ITEM_VERSION = 2


class MatteStore:
    """Keeps mattes under `matte/items/<model>/<crop's sha256>.png`.

    The PNG carries the raw range as text; its checksums tell a damaged file, which is made anew.
    """

    def __init__(self, workspace: Workspace, weights: Weights, settings: Settings):
        self._workspace = workspace
        self._weights = weights
        self._settings = settings
        self.n_model_calls = 0

    def path_of(self, crop_digest: str) -> str:
        """Return where the matte of a crop lies, or will lie, in the workspace."""
        name = f"{self._weights.name}-{self._weights.identity[:12]}-v{_ITEM_VERSION}"
        return f"matte/items/{name}/{crop_digest[:2]}/{crop_digest}.png"

    def matte_of(self, crop_path: str, crop_digest: str) -> tuple[Matte, str, str]:
        """Return the matte of a crop with its path and sha256, computing it only if it is new."""
        path = self.path_of(crop_digest)
        known = self._read(path)
        if known is None:
            self.n_model_calls += 1
            self._write(path, self._ask(crop_path, crop_digest))
            known = self._read(path)
        if known is None:
            raise ArtifactError(f"The matte {path} cannot be read back right after writing it.")
        return known, path, digest_bytes(self._workspace.path(path).read_bytes())

    def _ask(self, crop_path: str, crop_digest: str) -> Matte:
        if not self._workspace.is_whole(crop_path, crop_digest):
            raise ArtifactError(f"The crop {crop_path} changed since it was cut; run again.")
        rgb = read_rgb(self._workspace.path(crop_path))
        return matte(rgb, self._weights, self._settings)

    def _write(self, path: str, made: Matte) -> None:
        text = {"raw_min": repr(made.raw_min), "raw_max": repr(made.raw_max)}
        self._workspace.write(path, encode_png(to_codes(made.alpha), text))

    def _read(self, path: str) -> Matte | None:
        """Read the 8-bit codes, so that a matte is the same whether it was just made or reused."""
        full = self._workspace.path(path)
        try:
            codes = read_grey(full)
            with Image.open(full) as image:
                low, high = float(image.info["raw_min"]), float(image.info["raw_max"])
        except (OSError, SyntaxError, ValueError, KeyError):
            return None
        return Matte(to_alpha(codes), low, high)
