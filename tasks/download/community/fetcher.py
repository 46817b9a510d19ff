"""Entries of a community: `community:NAME/ENTRY`, whose media address is asked for when needed."""

from urllib.parse import unquote

from tasks.common.errors import SourceError
from tasks.download.community.api import Api, Community, described_at
from tasks.download.fetchers.http import ExpiredError, fetch_web
from tasks.download.fetchers.protocol import Here
from tasks.download.partial_file import PartFile


class CommunityEntries:
    """An adapter for what a community lists.

    Its media addresses are signed and expire, so only the entry's own name is ever stored.
    """

    def fingerprint(self, uri: str) -> str:
        """Name an entry by itself; the listing tells its revision."""
        return uri

    def is_missing(self, uri: str) -> bool:
        """Say no: the network is not asked."""
        return False

    def fetch(self, uri: str, part: PartFile, here: Here) -> None:
        """Fetch an entry's media from a fresh address; when that expires, from another one."""
        name, _, entry = uri.removeprefix("community:").partition("/")
        data = here.workspace.read(described_at(name))
        if data is None:
            raise SourceError(
                f"The community {name} is not described in this workspace; ingest its YAML once."
            )
        api = Api(Community.model_validate_json(data), here.settings)
        try:
            fetch_web(api.media_address(unquote(entry)), part, here.settings)
        except ExpiredError:
            fetch_web(api.media_address(unquote(entry)), part, here.settings)
