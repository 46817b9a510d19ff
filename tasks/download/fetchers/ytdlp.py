"""Video sites by way of yt-dlp, which is off unless somebody names the sites that it may read."""

import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ssrfguard.errors import SSRFGuardError

from tasks.common.errors import SourceError, WorldError
from tasks.common.media.sandbox import Limits, SandboxError, run_isolated
from tasks.common.uri import shown
from tasks.common.workspace.scratch import scratch_folder
from tasks.download.fetchers.protocol import Here
from tasks.download.http.client import policy_of
from tasks.download.http.rate_limit import gate_of
from tasks.download.partial_file import PartFile

_BLOCK = 1 << 20
_MEGABYTE = 1 << 20
_MEMORY_BYTES = 2 << 30
_HOUR_S = 3600.0
_PASSING = ("timed out", "HTTP Error 5", "HTTP Error 429", "Connection", "Temporary failure")


class Sites:
    """An adapter for `ytdlp+https://…`; a site's terms and licences are the operator's business."""

    def fingerprint(self, uri: str) -> str:
        """Name a page by its address."""
        return shown(uri)

    def is_missing(self, uri: str) -> bool:
        """Say no: the network is not asked."""
        return False

    def fetch(self, uri: str, part: PartFile, here: Here) -> None:
        """Let yt-dlp fetch one video, in a process that reaches public addresses only."""
        sites = [name.strip() for name in here.settings.ytdlp_extractors.split(",") if name.strip()]
        if not sites or find_spec("yt_dlp") is None:
            raise SourceError(
                "yt-dlp is off. Name the sites that it may read with MATTEFLOW_YTDLP_EXTRACTORS "
                "(as `yt-dlp --list-extractors` calls them) and install the extra: pip install "
                "'matteflow[ytdlp]'. Terms and licences of a site are yours to check."
            )
        with scratch_folder(here.settings, "site") as folder:
            job = {
                "url": uri.removeprefix("ytdlp+"),
                "sites": sites,
                "folder": str(folder),
                "max_bytes": part.max_bytes,
                "stall_s": here.settings.stall_s,
                "bytes_per_s": here.settings.download_mb_per_s * _MEGABYTE or None,
                "allow_networks": here.settings.allow_networks,
            }
            with gate_of(here.settings).request(urlsplit(uri).netloc):
                found = _run(job, shown(uri))
            part.restart(None)
            with Path(found).open("rb") as stream:
                while block := stream.read(_BLOCK):
                    part.append(block)


def _run(job: dict[str, Any], name: str) -> str:
    try:
        return str(run_isolated(download_here, job, Limits(_HOUR_S, _HOUR_S, _MEMORY_BYTES)))
    except SandboxError as error:
        raise WorldError(f"{name} could not be fetched by yt-dlp: {error}") from error


def download_here(job: dict[str, Any]) -> str:
    """Download the video of a page into a folder, in this process; return the file's path.

    Only in a process of its own: it narrows down what names this process can look up.
    """
    from yt_dlp import YoutubeDL
    from yt_dlp.utils import DownloadError

    _guard_lookups(job["allow_networks"])
    try:
        with YoutubeDL(_options(job)) as downloader:
            downloader.download([job["url"]])
    except DownloadError as error:
        name = shown(job["url"])
        said = f"yt-dlp could not fetch {name}: {_plain(error)}".replace(job["url"], name)
        raise (WorldError if any(word in said for word in _PASSING) else SourceError)(
            said
        ) from error
    files = [path for path in Path(job["folder"]).iterdir() if path.is_file()]
    if len(files) != 1:
        raise SourceError(
            f"{shown(job['url'])} gave {len(files)} files, expected one; it may be a list, or "
            "larger than download.max_bytes allows."
        )
    return str(files[0])


def _options(job: dict[str, Any]) -> dict[str, Any]:
    """Return what yt-dlp may do: no program but itself, no file but one, no list, no cookie."""
    return {
        "allowed_extractors": [f"^{site}$" for site in job["sites"]],
        "outtmpl": {"default": str(Path(job["folder"], "media.%(ext)s"))},
        "format": "best[ext=mp4]/best",  # one stream, so that nothing has to be merged by ffmpeg
        "max_filesize": job["max_bytes"],
        "ratelimit": job["bytes_per_s"],
        "socket_timeout": job["stall_s"],
        "noplaylist": True,
        "playlist_items": "1",
        "fixup": "never",
        "postprocessors": [],
        "external_downloader": None,
        "hls_prefer_native": True,
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


def _guard_lookups(allow_networks: str) -> None:
    """Let every look-up of a name, also after a redirect, end at public addresses or nowhere."""
    policy, look_up = policy_of(allow_networks), socket.getaddrinfo

    def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
        found = look_up(host, *args, **kwargs)
        for *_, address in found:
            try:
                policy.check_address(str(address[0]))
            except SSRFGuardError as error:  # as an error of the network, which yt-dlp understands
                raise OSError(str(error)) from error
        return found

    socket.getaddrinfo = guarded


def _plain(error: Exception) -> str:
    return str(error).removeprefix("ERROR: ").splitlines()[0][:300]
