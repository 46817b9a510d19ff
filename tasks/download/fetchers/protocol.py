"""What a fetcher promises."""

from typing import NamedTuple, Protocol

from tasks.common.settings import Settings
from tasks.common.workspace.artifacts import Workspace
from tasks.download.partial_file import PartialFile


class FetchContext(NamedTuple):
    """What fetchers may need besides the URI."""

    settings: Settings
    workspace: Workspace


class Fetcher(Protocol):
    """Fetches the bytes of one kind of URI."""

    def fingerprint(self, uri: str) -> str:
        """Name the present state of a URI cheaply, without the network.

        It enters the cache key of the download, so it holds no signature that changes daily.
        """

    def is_missing(self, uri: str) -> bool:
        """Say whether it is known, without the network, that the URI leads nowhere."""

    def fetch(self, uri: str, partial: PartialFile, context: FetchContext) -> None:
        """Complete `partial` with the bytes behind a URI, resuming where it stopped.

        Raises:
            SourceError: there is no such file, it is too large, or access is denied.
            WorldError: a server or the network failed in a way that may pass; the bytes so far
                stay in the partial file.
        """


class RemoteFetcher:
    """Base of fetchers whose URIs only the network could check."""

    def is_missing(self, uri: str) -> bool:
        """Return False: the network is not asked."""
        return False
