"""The files that measures and verdicts were made from."""

from pathlib import Path

from tasks.common.errors import ArtifactError
from tasks.common.workspace.artifacts import Workspace


def judged_file(workspace: Workspace, path: str, digest: str | None) -> Path:
    """Return where a file of the workspace is.

    Raises:
        ArtifactError: it is missing, or not the bytes that were judged. Crops lie in a shared
            workspace, where a tool or a damaged disk may have changed them since.
    """
    if digest is None or not workspace.is_whole(path, digest):
        raise ArtifactError(f"{path} changed since it was judged; run the ingest again.")
    return workspace.path(path)
