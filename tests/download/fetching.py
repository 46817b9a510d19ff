"""Fetches one source into a workspace, and looks at what is left there."""

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import Source, StageResult
from tasks.common.schema.tables import plain_rows
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.download.fetch import download_key, fetch
from tests.sample.videos import regular, write_numbered


def fetch_from(uri: str | Path, root: Path, kind: Any = None, **limits: Any) -> StageResult:
    """Fetch `uri` into the workspace at `root`; `limits` are values of `DownloadRecipe`."""
    source, recipe = Source(source_id="s", uri=str(uri), kind=kind), DownloadRecipe(**limits)
    out = ArtifactWriter(Workspace(root), "download", download_key(source, recipe))
    return fetch(source, recipe, settings(), out)


def media_of(result: StageResult, root: Path) -> dict[str, Any]:
    """Return the one row of the media table."""
    (row,) = plain_rows(Workspace(root).items(result))
    return row


def files_below(folder: Path) -> list[str]:
    """Name every file below a folder, relative to it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def png(size_wh: tuple[int, int] = (8, 6)) -> bytes:
    """Return a small picture."""
    stream = BytesIO()
    Image.new("RGB", size_wh, (10, 20, 30)).save(stream, "PNG")
    return stream.getvalue()


def video(folder: Path, n_frames: int = 10) -> bytes:
    """Return an MP4 video that is also written to `made.mp4`."""
    return write_numbered(folder / "made.mp4", regular(n_frames)).read_bytes()
