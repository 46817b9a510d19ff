"""Export of a published version into another format: complete or not at all."""

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
# Optional dependencies, in the extra `export`.
_NEEDS = {"coco": "pycocotools", "webdataset": "webdataset"}


class Exported(NamedTuple):
    """The folder of an export, and the number of its files."""

    folder: Path
    n_files: int


def export_version(store: ObjectStore, version: Version, kind: Format, parent: Path) -> Exported:
    """Write a version into `parent/NAME-v3-<format>`; a folder with that name is complete.

    Raises:
        InputError: the folder exists already or cannot be written, or a library is missing.
        ArtifactError: a file in the store is missing or damaged.
    """
    target = parent / f"{version.label.replace('@', '-')}-{kind}"
    needed = _NEEDS.get(kind)
    # Before the download, which may take an hour.
    if needed and find_spec(needed) is None:
        raise InputError(
            f"The format {kind} needs {needed}: install matteflow with its extra, "
            "pip install 'matteflow[export]'."
        )
    # No replacement: the folder may have been edited, or a training may be reading it.
    if target.exists():
        raise InputError(f"{target} exists already; remove it, or name another folder with --to.")
    writers: dict[Format, Callable[[Iterable[SampleBytes], Path], None]] = {
        "coco": partial(write_coco, label=version.label),
        "webdataset": write_shards,
        "imagefolder": write_image_folder,
    }
    # A killed export leaves a hidden folder, never one that looks complete.
    with _complete_folder(target) as partial_folder:
        writers[kind](read_pictures(store, version), partial_folder)
    return Exported(target, sum(path.is_file() for path in target.rglob("*")))


@contextmanager
def _complete_folder(target: Path) -> Iterator[Path]:
    """Yield a folder that becomes `target` when the block ends without error."""
    # Beside the target, since a rename is atomic only within one file system. The random part keeps
    # two exports at the same time apart.
    partial_folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        partial_folder.mkdir(parents=True)
        yield partial_folder
        partial_folder.rename(target)
    except OSError as error:
        cause = error.strerror or str(error)
        raise InputError(f"{target} cannot be written: {cause}.") from error
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
