"""The interface of a fetcher."""

from typing import NamedTuple, Protocol

from tasks.common.settings import Settings
from tasks.common.workspace.artifacts import Workspace
from tasks.download.partial_file import PartialFile


class FetchContext(NamedTuple):
    """The settings and the workspace, which some fetchers need besides the URI."""

    settings: Settings
    workspace: Workspace


class Fetcher(Protocol):
    """Fetches the bytes of one kind of URI."""

    def fingerprint(self, uri: str) -> str:
        """Name the current state of a URI cheaply, without the network.

        It is part of the download's cache key, so it must not contain a signature, which changes.
        """

    def is_missing(self, uri: str) -> bool:
        """Say whether the file is known to be missing, without using the network."""

    def fetch(self, uri: str, partial: PartialFile, context: FetchContext) -> None:
        """Complete `partial` with the bytes of a URI, resuming where it stopped.

        Raises:
            SourceError: there is no such file, it is too large, or access is denied.
            WorldError: a server or the network failed in a way that may pass; the bytes so far
                stay in the partial file.
        """


# Lists are checked before any work, so a check must not cost a request per source.
class RemoteFetcher:
    """Base of fetchers whose URIs cannot be checked without the network."""

    def is_missing(self, uri: str) -> bool:
        """Return False: unknown without a request."""
        return False
