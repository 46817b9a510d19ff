"""Fetch from video sites with yt-dlp, which is off unless a setting names allowed sites."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ssrfguard.errors import SSRFGuardError

from tasks.common.errors import SourceError, WorldError
from tasks.common.media.handed import open_handed
from tasks.common.media.jail import Reach
from tasks.common.media.sandbox import Limits, SandboxError, run_isolated
from tasks.common.records import Record
from tasks.common.uri import address_name, redacted
from tasks.common.workspace.scratch import scratch_folder
from tasks.download.fetchers.protocol import FetchContext, RemoteFetcher
from tasks.download.http.client import network_policy
from tasks.download.http.rate_limit import rate_limiter
from tasks.download.partial_file import PartialFile

_BLOCK_BYTES = 1 << 20
_MEGABYTE = 1 << 20
# Bounds what a hostile page can make yt-dlp allocate.
_MEMORY_BYTES = 2 << 30
# Of CPU and of wall time: a large video on a slow line.
_HOUR_S = 3600.0
# yt-dlp raises one class for every error; only the text shows which of them are transient.
_TRANSIENT = ("timed out", "HTTP Error 5", "HTTP Error 429", "Connection", "Temporary failure")


class _Job(Record):
    """What the worker process needs to download one video."""

    url: str
    sites: tuple[str, ...]
    folder: str
    max_bytes: int
    stall_s: float
    bytes_per_s: float | None
    allow_networks: str


class YtdlpFetcher(RemoteFetcher):
    """Fetches `ytdlp+https://…`; the operator answers for a site's terms and licences."""

    def fingerprint(self, uri: str) -> str:
        """Name a page by its whole address."""
        return address_name(uri)

    def fetch(self, uri: str, partial: PartialFile, context: FetchContext) -> None:
        """Fetch one video in a worker process that can connect to public addresses only."""
        settings = context.settings
        sites = tuple(filter(None, map(str.strip, settings.ytdlp_extractors.split(","))))
        if not sites or find_spec("yt_dlp") is None:
            raise SourceError(
                "yt-dlp is off. Name the sites that it may read with MATTEFLOW_YTDLP_EXTRACTORS "
                "(as `yt-dlp --list-extractors` calls them) and install the extra: pip install "
                "'matteflow[ytdlp]'. Check the terms and licences of a site yourself."
            )
        with scratch_folder(settings, "site") as folder:
            job = _Job(
                url=uri.removeprefix("ytdlp+"),
                sites=sites,
                folder=str(folder),
                max_bytes=partial.max_bytes,
                stall_s=settings.stall_s,
                bytes_per_s=settings.download_mb_per_s * _MEGABYTE or None,
                allow_networks=settings.allow_networks,
            )
            # The limit per host counts the whole download as one request: yt-dlp paces its own.
            with rate_limiter(settings).request(urlsplit(uri).netloc):
                name = _download_isolated(job)
            # yt-dlp resumes by itself within one attempt, and leaves nothing to resume by for the
            # next.
            partial.restart(None)
            with _naming(job), open_handed(folder, name) as stream:
                while block := stream.read(_BLOCK_BYTES):
                    partial.append(block)


def _download_isolated(job: _Job) -> str:
    limits = Limits(_HOUR_S, _HOUR_S, _MEMORY_BYTES)
    # It stops at the limit by itself, as far as a page tells its size; this is for one that lies.
    reach = Reach((), job.folder, file_bytes=job.max_bytes + _MEGABYTE, network=True)
    with _naming(job):
        values = job.model_dump(mode="json")
        return str(run_isolated(download_in_worker, values, limits, reach))


@contextmanager
def _naming(job: _Job) -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        raise WorldError(f"yt-dlp could not fetch {redacted(job.url)}: {error}") from error


def download_in_worker(values: dict[str, Any]) -> str:
    """Download the video of a page into a folder; return the file's name there.

    The worker side of `YtdlpFetcher`; `values` are those of a `_Job`. It must run in a worker,
    because it replaces name resolution for the whole process.
    """
    from yt_dlp import YoutubeDL
    from yt_dlp.utils import DownloadError

    job = _Job.model_validate(values)
    _check_lookups(job.allow_networks)
    try:
        with YoutubeDL(_options(job)) as downloader:
            downloader.download([job.url])
    except DownloadError as error:
        name = redacted(job.url)
        # Its text repeats the URL with tokens, hence the replacement.
        sentence = f"yt-dlp could not fetch {name}: {_first_line(error)}".replace(job.url, name)
        is_transient = any(word in sentence for word in _TRANSIENT)
        raise (WorldError if is_transient else SourceError)(sentence) from error
    files = [path for path in Path(job.folder).iterdir() if path.is_file()]
    # yt-dlp reports success for skipped and for too large files.
    if len(files) != 1:
        raise SourceError(
            f"{redacted(job.url)} gave {len(files)} files, expected one; it may be a list, or "
            "larger than download.max_bytes allows."
        )
    return files[0].name


def _options(job: _Job) -> dict[str, Any]:
    """Return yt-dlp's options: no other program, one file, no playlist, no cookies."""
    return {
        "allowed_extractors": [f"^{site}$" for site in job.sites],
        "outtmpl": {"default": str(Path(job.folder, "media.%(ext)s"))},
        "format": "best[ext=mp4]/best",  # one stream, so that nothing has to be merged by ffmpeg
        "max_filesize": job.max_bytes,
        "ratelimit": job.bytes_per_s,
        "socket_timeout": job.stall_s,
        # One source is one file: entries of a playlist belong into the list as sources, with
        # licences.
        "noplaylist": True,
        "playlist_items": "1",
        "fixup": "never",
        "postprocessors": [],
        "external_downloader": None,
        "hls_prefer_native": True,
        # Nothing from the machine's user: a cookie or a cached login would fetch what the operator
        # may see, not what is public.
        "cachedir": False,
        "cookiefile": None,
        "usenetrc": False,
        "proxy": "",
        "updatetime": False,
        "allow_unplayable_formats": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "retries": 3,
        "color": "never",
    }


def _check_lookups(allow_networks: str) -> None:
    """Check the addresses of every name that this process resolves, also after redirects.

    yt-dlp has its own HTTP stack, which the SSRF-safe client cannot replace. All of it resolves
    names with `socket.getaddrinfo`, so the check is done there.
    """
    policy, resolve = network_policy(allow_networks), socket.getaddrinfo

    def checked(host: Any, *args: Any, **kwargs: Any) -> Any:
        addresses = resolve(host, *args, **kwargs)
        for *_, address in addresses:
            try:
                policy.check_address(str(address[0]))
            except SSRFGuardError as error:  # as a network error, which yt-dlp handles
                raise OSError(str(error)) from error
        return addresses

    socket.getaddrinfo = checked


def _first_line(error: Exception) -> str:
    return str(error).removeprefix("ERROR: ").splitlines()[0][:300]
