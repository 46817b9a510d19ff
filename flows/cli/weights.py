"""`matteflow weights` and `matteflow add-weights`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.console import console
from tasks.common.errors import InputError
from tasks.common.settings import settings
from tasks.common.weights.add import add_weights as add_to_catalogue
from tasks.common.weights.catalogue import catalogue
from tasks.common.weights.fetch import is_present, require_weights


def weights(
    fetch: Annotated[
        list[str] | None, typer.Option(help="Download the weights with this name now.")
    ] = None,
) -> None:
    """List the catalogue of model weights, or download some ahead of time."""
    known, models = catalogue(), settings().models
    # Before the table, so that it shows the result. For machines without network later on.
    for name in fetch or []:
        if name not in known:
            raise InputError(f"No weights {name!r}. Known: {', '.join(sorted(known))}.")
        if known[name].service is not None:
            raise InputError(f"{name} is a service; expected the name of weights with a file.")
        console.print(f"{name}: {require_weights(known[name], models)}", soft_wrap=True)
    table = Table("name", "role", "licence", "sha256", "here")
    for entry in known.values():
        here = "yes" if is_present(entry, models) else "no"
        if entry.service is not None:
            here = "key is set" if settings().removebg_key.get_secret_value() else "no key"
        table.add_row(entry.name, entry.role, entry.licence, entry.sha256[:12], here)
    console.print(table)


def add_weights(
    file: Annotated[Path, typer.Argument(help="A model file, such as yolo11s-seg.pt.")],
    name: Annotated[str, typer.Option(help="The name by which recipes know it.")],
    role: Annotated[
        str, typer.Option(help="person-detector, matting, segmentation, pose or tagger.")
    ],
    licence: Annotated[str, typer.Option(help="The licence of the weights.")],
    session: Annotated[
        str, typer.Option(help="What feeds it: yolo, sam2, or a class of rembg or open_clip.")
    ] = "",
    person_class: Annotated[
        list[int] | None, typer.Option(help="The number of a class that means a person.")
    ] = None,
) -> None:
    """Add a model file of your own to the catalogue of this machine, by its sha256."""
    entry: dict[str, object] = {
        "name": name,
        "role": role,
        "licence": licence,
        "session": session or None,
        "person_classes": tuple(person_class or ()),
    }
    added = add_to_catalogue(file, settings().models, entry)
    console.print(
        f"Added {added.name} ({added.role}, sha256 {added.sha256[:12]}…). Recipes may name it; "
        f"on other machines add the same file under the same name.",
        highlight=False,
        soft_wrap=True,
    )
