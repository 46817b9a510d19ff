"""`matteflow retune`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import console
from flows.cli.options import RecipeName
from flows.cli.tables import print_preview
from flows.engine.recipes import save_recipe
from flows.preview import preview as preview_run
from tasks.common.errors import InputError
from tasks.common.recipe.override import override_recipe
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace


def retune(
    recipe: RecipeName,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A changed value, such as sharpness.min=0.12; null removes it."),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would change.")] = False,
    save: Annotated[str, typer.Option(help="Write the changed recipe to this file.")] = "",
    run: Annotated[
        str, typer.Option(help="The run to judge; empty takes the newest run with valid measures.")
    ] = "",
) -> None:
    """Preview what other bounds would change, from stored measures and without any model."""
    if not (preview or save):
        raise InputError(
            "Give --preview to see what would change, or --save FILE to save the changed recipe."
        )
    _, text = override_recipe(recipe, change or [])
    if preview:
        print_preview(preview_run(recipe, change or [], run or None, Workspace.of(settings())))
    if save:
        save_recipe(text, Path(save), recipe)
        console.print(f"Saved {save}. An ingest with it reuses all valid results.")
