"""Weights for a loader: the very bytes whose digest was compared, whatever happens to the file."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.common.errors import WeightsError
from tasks.common.weights.catalogue import Weights
from tasks.common.weights.fetch import require_weights

_BLOCK_BYTES = 1 << 20
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@contextmanager
def verified_weights(weights: Weights, models: Path) -> Iterator[Path]:
    """Yield a path at which the verified bytes can be loaded, until the block ends.

    Weights are code in effect: pickles, and graphs that a library in C runs. A file that is
    compared first and opened by name later may be another one by then. So the bytes are read once,
    into memory that is sealed against changes (memfd_create(2)). The path is a link to it, alone in
    a folder, so that a loader which searches folders finds no other file.

    Raises:
        WeightsError: as `require_weights`, or the file changed since.
    """
    source = require_weights(weights, models)
    sealed = _seal(source, weights)
    try:
        with tempfile.TemporaryDirectory(prefix="matteflow-weights-") as folder:
            path = Path(folder, weights.file)  # some loaders ask for the suffix
            path.symlink_to(f"/proc/self/fd/{sealed}")
            yield path
    finally:
        os.close(sealed)


def _seal(source: Path, weights: Weights) -> int:
    """Copy a file into sealed memory while it is digested; return the file descriptor."""
    digest = hashlib.sha256()
    sealed = os.memfd_create(weights.name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with source.open("rb") as stream, os.fdopen(sealed, "wb", closefd=False) as copy:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
                copy.write(block)
        if digest.hexdigest() != weights.sha256:
            raise WeightsError(
                f"The weights {weights.name} ({source}) changed while they were loaded; they have "
                f"sha256 {digest.hexdigest()[:12]}…, the catalogue {weights.sha256[:12]}…. They "
                "were not loaded. Find out who writes there, remove the file, and run again."
            )
        fcntl.fcntl(sealed, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(sealed)
        raise
    return sealed
