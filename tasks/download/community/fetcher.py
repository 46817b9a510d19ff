"""Fetch entries of a community, `community:NAME/ENTRY`; media URLs are requested when needed."""

from urllib.parse import unquote

from tasks.common.errors import SourceError
from tasks.download.community.api import Api
from tasks.download.community.description import Community, description_path
from tasks.download.fetchers.http import ExpiredError, fetch_url
from tasks.download.fetchers.protocol import FetchContext, RemoteFetcher
from tasks.download.partial_file import PartialFile


class CommunityFetcher(RemoteFetcher):
    """Fetches entries that a community lists.

    Media URLs are signed and expire, so only the name of the entry is ever stored.
    """

    def fingerprint(self, uri: str) -> str:
        """Name an entry by its URI; the listing gives its revision."""
        return uri

    def fetch(self, uri: str, partial: PartialFile, context: FetchContext) -> None:
        """Fetch an entry's media from a freshly signed URL; if that expires, from a second one."""
        name, _, entry = uri.removeprefix("community:").partition("/")
        data = context.workspace.read(description_path(name))
        if data is None:
            raise SourceError(
                f"The community {name} is not described in this workspace; ingest its YAML once."
            )
        api = Api(Community.model_validate_json(data), context.settings)
        try:
            fetch_url(api.media_url(unquote(entry)), partial, context.settings)
        # Once only. Between the request for the URL and the transfer there may be a wait for the
        # rate limit, longer than the signature lives. A second refusal is the server's word.
        except ExpiredError:
            fetch_url(api.media_url(unquote(entry)), partial, context.settings)
