"""A published version in another format, whole or not at all; what the command line calls."""

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from tasks.common.errors import InputError
from tasks.common.store.objects import ObjectStore
from tasks.export.coco import write_coco
from tasks.export.imagefolder import write_image_folder
from tasks.export.samples import SampleBytes, Version, read_pictures
from tasks.export.webdataset import write_shards

__all__ = ["FORMATS", "Exported", "Format", "Version", "export_version"]

Format = Literal["coco", "webdataset", "imagefolder"]
FORMATS: tuple[Format, ...] = get_args(Format)
_NEEDS = {"coco": "pycocotools", "webdataset": "webdataset"}


class Exported(NamedTuple):
    """Where an export lies, and how many files it has."""

    folder: Path
    n_files: int


def export_version(store: ObjectStore, version: Version, kind: Format, parent: Path) -> Exported:
    """Write a version into `parent/NAME-v3-<format>`; a folder with that name is whole.

    Raises:
        InputError: the folder is there already, cannot be written, or a library is missing.
        ArtifactError: the store does not hold what was published.
    """
    target = parent / f"{version.label.replace('@', '-')}-{kind}"
    needed = _NEEDS.get(kind)
    if needed and find_spec(needed) is None:
        raise InputError(
            f"The format {kind} needs {needed}: install matteflow with its extra, "
            "pip install 'matteflow[export]'."
        )
    if target.exists():
        raise InputError(f"{target} is there already; move it away, or name another with --to.")
    writers: dict[Format, Callable[[Iterable[SampleBytes], Path], None]] = {
        "coco": partial(write_coco, label=version.label),
        "webdataset": write_shards,
        "imagefolder": write_image_folder,
    }
    with _whole(target) as part:
        writers[kind](read_pictures(store, version), part)
    return Exported(target, sum(path.is_file() for path in target.rglob("*")))


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Yield a folder that becomes `target` when the block ends without error."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        part.mkdir(parents=True)
        yield part
        part.rename(target)
    except OSError as error:
        cause = error.strerror or str(error)
        raise InputError(f"{target} cannot be written: {cause}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
