"""What a delivery is: a folder, ZIP or file is recognised by its content and read by its route."""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tasks.annotate.order import MANIFEST, Format, Order, read_manifest
from tasks.annotate.routes import coco, cvat, fiftyone, labelstudio, png, psd
from tasks.annotate.routes.returned import Outgoing, Returned, refused
from tasks.common.errors import InputError

WRITERS: dict[Format, Callable[[Iterable[Outgoing], Path], None]] = {
    "png": png.write,
    "psd": psd.write,
    "cvat": cvat.write,
    "labelstudio": labelstudio.write,
    "coco": coco.write,
    "fiftyone": fiftyone.write,
}
_MAX_UNPACKED = 4 << 30  # bytes: some thousand masks with their pictures
# Files that went out with the order, or that systems add to folders.
_OURS = {MANIFEST, labelstudio.TASKS, labelstudio.CONFIG, "labels.json", cvat.LABEL_MAP}
_HOW = "expected the folder, or what the annotation tool exported: .png, .psd, .xml, .json, .zip"


class Delivery:
    """An opened delivery: the work order that it names, if it does, and its samples."""

    def __init__(self, path: Path, scratch: Path):
        self._path = path
        self._scratch = scratch

    @property
    def order_id(self) -> str | None:
        """The work order that a manifest in the folder names."""
        manifest = self._path / MANIFEST
        return read_manifest(manifest.read_bytes()) if manifest.is_file() else None

    def read(self, order: Order | None) -> Iterator[tuple[str, Returned]]:
        """Yield route and content of every sample in the delivery."""
        digests = frozenset(item.picture_digest for item in order.items) if order else frozenset()
        yield from _read_path(self._path, self._path.name, digests, self._scratch)


def open_delivery(path: Path, scratch: Path) -> Delivery:
    """Open what annotators sent back; archives are unpacked into `scratch`.

    Raises:
        InputError: there is no such file or folder.
    """
    if not path.exists():
        raise InputError(f"There is no {path}; {_HOW}.")
    return Delivery(path, scratch)


def sample_names(entries: Iterable[tuple[str, Returned]]) -> frozenset[str]:
    """Return the samples that a delivery speaks of."""
    return frozenset(returned.sample for _, returned in entries)


def _read_path(
    path: Path, file: str, digests: frozenset[str], scratch: Path
) -> Iterator[tuple[str, Returned]]:
    if path.is_dir():
        yield from _read_folder(path, file, digests, scratch)
    elif path.suffix.lower() == ".zip":
        yield from _read_zip(path, file, digests, scratch)
    elif path.suffix.lower() == ".psd":
        yield "ps", psd.read(path, file)
    elif path.suffix.lower() == ".xml":
        yield from (("cvat", entry) for entry in cvat.read_images(path, file))
    elif path.suffix.lower() == ".json":
        yield from _read_json(path, file)
    elif path.suffix.lower() in (".png", ".jpg", ".jpeg"):
        if not png.is_sent_picture(path, digests):
            yield "png", png.read_picture(path, file)
    else:
        yield "png", refused(file, path.stem, f"is of an unknown kind; {_HOW}.")


def _read_folder(
    folder: Path, file: str, digests: frozenset[str], scratch: Path
) -> Iterator[tuple[str, Returned]]:
    samples = fiftyone.load_json(folder / fiftyone.SAMPLES)
    if isinstance(samples, dict) and "samples" in samples:
        returned = fiftyone.read_samples(samples, folder, file)
        yield from (("fiftyone", entry) for entry in returned)
    elif (folder / fiftyone.DATA).is_dir() and (folder / fiftyone.LABELS).is_dir():
        yield from (("fiftyone", entry) for entry in fiftyone.read_directory(folder, file))
    elif (folder / cvat.CLASS_MASKS).is_dir():
        yield from (("cvat", entry) for entry in cvat.read_class_masks(folder, file))
    elif (folder / cvat.ANNOTATIONS).is_file():
        yield from _read_path(
            folder / cvat.ANNOTATIONS, f"{file}/{cvat.ANNOTATIONS}", digests, scratch
        )
    elif (folder / coco.ANNOTATIONS).is_file():
        yield from _read_json(folder / coco.ANNOTATIONS, f"{file}/{coco.ANNOTATIONS}")
    else:
        for path in sorted(folder.iterdir()):
            if not _is_ours(path):
                yield from _read_path(path, f"{file}/{path.name}", digests, scratch)


def _is_ours(path: Path) -> bool:
    is_page = path.suffix.lower() in (".html", ".txt", ".md")
    is_hidden = path.name.startswith((".", "__MACOSX", "Thumbs.db"))
    return path.name in _OURS or is_page or is_hidden


def _read_zip(
    path: Path, file: str, digests: frozenset[str], scratch: Path
) -> Iterator[tuple[str, Returned]]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            size = sum(entry.file_size for entry in archive.infolist())
            if size > _MAX_UNPACKED:
                raise InputError(f"{file} unpacks to {size >> 20} MiB; send it in several parts.")
            if {"alpha.png", "color.jpg"} <= names:
                returned = png.read_removebg_zip(archive, path, file)
                yield from (("removebg", entry) for entry in returned)
                return
            # A folder of its own: two archives may hold files of the same name.
            target = scratch / f"{len(list(scratch.iterdir())):03}-{path.stem}"
            archive.extractall(target)  # leaves out `..` and leading slashes
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        yield "png", refused(file, path.stem, f"cannot be unpacked ({error}); pack it again.")
        return
    yield from _read_path(target, file, digests, scratch)


def _read_json(path: Path, file: str) -> Iterator[tuple[str, Returned]]:
    content: Any = fiftyone.load_json(path)
    if isinstance(content, list) and all(isinstance(task, dict) for task in content):
        yield from (("labelstudio", entry) for entry in labelstudio.read(content, file))
    elif isinstance(content, dict) and {"images", "annotations"} <= content.keys():
        yield from (("coco", entry) for entry in coco.read(content, file))
    elif isinstance(content, dict) and "shapes" in content:
        yield "labelme", coco.read_labelme(content, path, file)
    else:
        problem = (
            "is no JSON of Label Studio (export JSON, not JSON-MIN), COCO, labelme or "
            "X-AnyLabeling."
        )
        yield "png", refused(file, path.stem, problem)
