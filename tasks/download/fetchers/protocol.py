"""What an adapter promises."""

from typing import NamedTuple, Protocol

from tasks.common.settings import Settings
from tasks.common.workspace.artifacts import Workspace
from tasks.download.partial_file import PartFile


class Here(NamedTuple):
    """What adapters may need of the machine that they work on."""

    settings: Settings
    workspace: Workspace


class Adapter(Protocol):
    """Knows one kind of address."""

    def fingerprint(self, uri: str) -> str:
        """Name the present state of an address cheaply, asking nobody on the network."""

    def is_missing(self, uri: str) -> bool:
        """Say whether it is known, without asking the network, that nothing is there."""

    def fetch(self, uri: str, part: PartFile, here: Here) -> None:
        """Complete `part` with the bytes behind an address, going on where it stopped.

        Raises:
            SourceError: there is no such file, it is too large, or it may not be had.
            WorldError: a server or the network failed in a way that may pass; what came stays in
                the part file.
        """
