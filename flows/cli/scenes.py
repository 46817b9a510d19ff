"""`matteflow propose-scenes`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import console, progress_bars
from flows.cli.options import RunOption
from flows.engine.run_record import load_run
from tasks.common.errors import InputError
from tasks.common.files import write_file
from tasks.common.recipe.models import load_recipe
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.task import reuse_or_deduplicate
from tasks.review.task import propose


def propose_scenes(
    to: Annotated[Path, typer.Argument(help="The CSV file to write; delete wrong lines by hand.")],
    run: RunOption = "",
    recipe: Annotated[
        str, typer.Option(help="The recipe that lists the scenes; empty takes the run's recipe.")
    ] = "",
    weights: Annotated[
        str, typer.Option(help="The name of the tagger in the catalogue of weights.")
    ] = "clip-vit-b-32",
    least: Annotated[float, typer.Option(help="The lowest score of a proposal.")] = 0.8,
) -> None:
    """Propose scenes for kept crops with an image tagger, for publish.scene_overrides."""
    target = to.expanduser().absolute()
    # Checked before the model runs, which may take minutes.
    if target.exists():
        raise InputError(
            f"{target} exists already and may have manual corrections; choose another file name."
        )
    workspace = Workspace.of(settings())
    record = load_run(workspace, run or None)
    parsed = load_recipe(recipe) if recipe else record.recipe
    with progress_bars(f"propose scenes for {record.run_id}"):
        crops = reuse_or_deduplicate(record.outcomes, parsed.filter, workspace)
        data = propose(record.outcomes, crops, parsed, weights, least)
    write_file(target, data)
    console.print(
        # Lines (10 is the line feed) less the header.
        f"{data.count(10) - 1} proposals are in {target}. Delete the wrong ones, then name the "
        "file in the recipe as publish.scene_overrides.",
        soft_wrap=True,
        highlight=False,
    )
