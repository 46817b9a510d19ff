"""Whole addresses of sources, for a rerun: records keep the redacted ones.

Kept in the workspace by their digest, unless they certainly hold a secret.
"""

from collections.abc import Iterable

from tasks.common.records import Source
from tasks.common.uri import holds_secret, is_shortened, stored
from tasks.common.workspace.artifacts import Workspace

_FOLDER = "addresses"


def keep_addresses(sources: Iterable[Source], workspace: Workspace) -> None:
    """Keep the addresses that a record of the sources would shorten and that hold no secret."""
    for source in sources:
        name = stored(source.uri)
        if is_shortened(name) and not is_shortened(source.uri) and not holds_secret(source.uri):
            path = _path(name)
            if workspace.read(path) is None:
                workspace.write(path, source.uri.encode())


def with_whole_address(source: Source, workspace: Workspace) -> Source:
    """Return a source of a record with its whole address, or unchanged if that is not kept."""
    if not is_shortened(source.uri):
        return source
    address = workspace.read(_path(source.uri))
    # Compared, since the file may be damaged: a cut address leads to another file.
    if address is None or stored(address.decode()) != source.uri:
        return source
    return source.model_copy(update={"uri": address.decode()})


def _path(shortened: str) -> str:
    digest = shortened.rpartition("=")[2]
    return f"{_FOLDER}/{digest[:2]}/{digest}"
