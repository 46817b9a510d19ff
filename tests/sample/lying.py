"""What a decoder sends that malformed media have taken over; it runs in a worker."""

from collections.abc import Iterator
from typing import Any

FRAME = {"time_s": 0.0, "file": "0.jpg", "width_px": 64, "height_px": 48}


def name_another_file(job: dict[str, Any]) -> Iterator[Any]:
    yield {"n_targets": 1}
    yield FRAME | {"file": job["path"]}


def name_a_huge_frame(_: dict[str, Any]) -> Iterator[Any]:
    yield {"n_targets": 1}
    yield FRAME | {"width_px": 65_535, "height_px": 65_535}


def send_no_number(_: dict[str, Any]) -> Iterator[Any]:
    yield {"n_targets": 1}
    yield FRAME | {"time_s": "soon"}


def send_something_else(_: dict[str, Any]) -> Iterator[Any]:
    yield [["n_targets"]]


def begin_with_a_frame(_: dict[str, Any]) -> Iterator[Any]:
    yield FRAME


def say_nothing(_: dict[str, Any]) -> Iterator[Any]:
    yield from ()


LIES = (
    name_another_file,
    name_a_huge_frame,
    send_no_number,
    send_something_else,
    begin_with_a_frame,
    say_nothing,
)
