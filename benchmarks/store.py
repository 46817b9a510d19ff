"""Publication to a real S3 server on this machine (SeaweedFS): rate, second version, memory.

    python -m benchmarks.store rate [--files 2000] [--kilobytes 30] [--also COMMAND ...]
    python -m benchmarks.store second [--files 200]
    python -m benchmarks.store memory [--files 20000]
    python -m benchmarks.store parts

`rate` compares a whole publication (probe, uploads with SHA-256, listing, commit) with a bare pool
of threads that calls `put_object` for the same files, in turns, and with other programs: each
`--also` is a command in which {folder}, {target} and {endpoint} are filled in, such as
`--also 'aws s3 sync --quiet {folder} {target}'`. `parts` compares one PutObject with multipart.
"""

import argparse
import hashlib
import io
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from botocore.config import Config

from tasks.common.digests import content_key
from tasks.common.records import Publication, StageResult
from tasks.common.schema.layout import MANIFEST, TreeFile, digests_of, encode_manifest
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.publish.commit import commit_tree
from tests.seaweed import seaweed

_NAME = "CustomSeg_Person_20261122_bench"
_NOW = datetime(2026, 11, 22, tzinfo=UTC)
_BUCKET = "bench"
_ROUNDS = 8


def make_tree(workspace: Workspace, n_files: int, n_bytes: int, n_other: int = 0) -> StageResult:
    """Write a tree of files that nothing compresses; the first `n_other` differ by that number."""
    out = ArtifactWriter(workspace, "dataset", content_key(n_files, n_bytes, n_other))
    files = []
    for number in range(n_files):
        seed = number + (1_000_000 if number < n_other else 0)
        data = np.random.default_rng(seed).bytes(n_bytes)
        files.append(_file(out, f"img_dir/train/{number:06d}.jpg", data, "train"))
    files.append(_file(out, MANIFEST, encode_manifest(digests_of(files)), None))
    return out.commit_rows(TreeFile, files, [], n_in=len(files))


def _file(out: ArtifactWriter, name: str, data: bytes, split: str | None) -> TreeFile:
    path, digest = out.put(name, data)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return TreeFile(name, path, digest, md5, len(data), split, ())


def publish(tree: StageResult, workspace: Workspace, prefix: str) -> Publication:
    """Publish as the flow does."""
    store = open_store(f"s3://{_BUCKET}/{prefix}")
    return commit_tree(tree, _NAME, workspace, store, recipe_digest="bench", now=_NOW)


def put_bare(folder: Path, prefix: str) -> None:
    """Put every file of a folder with a pool of threads and nothing else."""
    n = settings().store_connections
    client = boto3.client("s3", config=Config(max_pool_connections=n))

    def put(path: Path) -> None:
        client.put_object(Bucket=_BUCKET, Key=f"{prefix}/{path.name}", Body=path.read_bytes())

    with ThreadPoolExecutor(n) as pool:
        list(pool.map(put, sorted(folder.rglob("*.jpg"))))


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Return wall and CPU seconds, those of child processes included."""
    wall, cpu = time.perf_counter(), _cpu_s()
    work()
    return time.perf_counter() - wall, _cpu_s() - cpu


def _cpu_s() -> float:
    parts = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(part).ru_utime + resource.getrusage(part).ru_stime
               for part in parts)  # fmt: skip


def _run_program(command: str, folder: Path, endpoint: str, prefix: str) -> None:
    target = f"s3://{_BUCKET}/{prefix}/"
    arguments = shlex.split(command.format(folder=folder, target=target, endpoint=endpoint))
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)


def rate(workspace: Workspace, n_files: int, n_bytes: int, others: list[str]) -> None:
    """Print files a second of each contender, the median of rounds in turns."""
    tree = make_tree(workspace, n_files, n_bytes)
    folder = workspace.path(workspace.folder("dataset", tree.key)) / "img_dir"
    endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
    contenders: dict[str, Callable[[str], Any]] = {
        "this": lambda prefix: publish(tree, workspace, prefix),
        "bare pool": lambda prefix: put_bare(folder, prefix),
    }
    for command in others:
        name = shlex.split(command)[0].rsplit("/", 1)[-1]
        contenders[name] = partial(_run_program, command, folder, endpoint)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for number in range(_ROUNDS):
        turn = list(contenders.items())  # back and forth, so that a drift hurts nobody more
        for name, work in turn if number % 2 else reversed(turn):
            prefix = f"{name.replace(' ', '-')}-{number}"
            found[name].append(_timed(partial(work, prefix)))
    bare = [wall for wall, _ in found["bare pool"]]
    for name, times in found.items():
        wall = statistics.median(wall for wall, _ in times)
        cpu = statistics.median(cpu for _, cpu in times)
        print(
            f"{name:10} {n_files / wall:7.0f} files/s  {cpu:6.2f} CPU-s  "
            f"{_ratio(bare, [wall for wall, _ in times]):5.2f} of the bare pool's rate"
        )


def _ratio(one: list[float], other: list[float]) -> float:
    """Return the median over the rounds of how much longer the one took than the other."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def second(workspace: Workspace, n_files: int, n_bytes: int) -> None:
    """Print what a second version uploads that differs in one file."""
    publish(make_tree(workspace, n_files, n_bytes), workspace, "second")
    done = publish(make_tree(workspace, n_files, n_bytes, n_other=1), workspace, "second")
    print(
        f"v{done.version}: {done.n_uploaded} uploaded, {done.n_copied} copied, "
        f"{done.n_present} present, of {done.n_files}"
    )


def memory(workspace: Workspace, n_files: int, n_bytes: int) -> None:
    """Print the peak memory of a process that only publishes, for a small and the large tree."""
    for n in (200, n_files):
        make_tree(workspace, n, n_bytes)
        command = [sys.executable, "-m", "benchmarks.store", "child", "--files", str(n)]
        command += ["--kilobytes", str(n_bytes // 1000), "--workspace", str(workspace.root)]
        subprocess.run(command, check=True, env=os.environ)


def child(workspace: Workspace, n_files: int, n_bytes: int) -> None:
    """Publish a tree that is there already, and print this process's peak memory."""
    tree = workspace.find("dataset", content_key(n_files, n_bytes, 0))
    if tree is None:
        raise SystemExit("no tree of this size in the workspace")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _peak_mb()
    done = publish(tree, workspace, f"memory-{n_files}")
    print(
        f"{done.n_uploaded} files of {n_bytes} bytes: {_peak_mb():.0f} MB at peak, "
        f"{before:.0f} MB before"
    )


def _peak_mb() -> float:
    """Return the peak memory of this process alone; `ru_maxrss` counts its parent's too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1000


def parts() -> None:
    """Print the time of one PutObject and of a multipart upload of the same bytes."""
    client = boto3.client("s3")
    for n_bytes in (10_000_000, 40_000_000, 200_000_000):
        data = np.random.default_rng(0).bytes(n_bytes)
        checksum = b64encode(hashlib.sha256(data).digest()).decode()

        def put(data: bytes = data, checksum: str = checksum) -> None:
            client.put_object(Bucket=_BUCKET, Key="one", Body=data, ChecksumSHA256=checksum)

        def put_parts(data: bytes = data) -> None:
            client.upload_fileobj(io.BytesIO(data), _BUCKET, "many")

        one = [_timed(put) for _ in range(_ROUNDS)]
        many = [_timed(put_parts) for _ in range(_ROUNDS)]
        walls = [statistics.median(wall for wall, _ in times) for times in (one, many)]
        cpus = [statistics.median(cpu for _, cpu in times) for times in (one, many)]
        print(
            f"{n_bytes / 1e6:.0f} MB: one put {walls[0]:.2f} s, {cpus[0]:.2f} CPU-s; "
            f"multipart {walls[1]:.2f} s, {cpus[1]:.2f} CPU-s"
        )


def main() -> None:
    """Start a server in a temporary folder and measure against it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("rate", "second", "memory", "parts", "child"))
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--kilobytes", type=int, default=30)
    parser.add_argument("--also", action="append", default=[])
    parser.add_argument("--workspace", type=Path)
    asked = parser.parse_args()
    n_bytes = asked.kilobytes * 1000
    if asked.what == "child":
        child(Workspace(asked.workspace), asked.files, n_bytes)
        return
    with tempfile.TemporaryDirectory() as folder, seaweed(Path(folder) / "server") as server:
        os.environ.update(server.environment())
        server.make_bucket(_BUCKET)
        workspace = Workspace(Path(folder) / "workspace")
        if asked.what == "rate":
            rate(workspace, asked.files or 2000, n_bytes, asked.also)
        elif asked.what == "second":
            second(workspace, asked.files or 200, n_bytes)
        elif asked.what == "memory":
            memory(workspace, asked.files or 20_000, n_bytes)
        else:
            parts()


if __name__ == "__main__":
    main()
