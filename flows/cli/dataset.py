"""The command line for what a trainer or curator does with a subset: export, propose scenes."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.versions import Store, Words, ledger_of, usable
from tasks.common.errors import InputError
from tasks.common.files import write_file

app = typer.Typer()


class Format(StrEnum):
    """What a version can be exported to."""

    coco = "coco"
    webdataset = "webdataset"
    imagefolder = "imagefolder"


@app.command()
def export(
    words: Words,
    kind: Annotated[Format, typer.Option("--format", help="The format to write.")],
    to: Annotated[Path, typer.Option(help="The folder to put the export into.")] = Path(),
    store: Store = "",
) -> None:
    """Write a version as COCO instances, WebDataset shards or a Hugging Face imagefolder."""
    from flows.cli.console import console, progress_bars
    from tasks.export.task import Version, export_version
    from tasks.publish.task import read_samples

    ledger = ledger_of(store, patient=True)
    commit = usable(ledger, words)
    with progress_bars(f"export {commit.label}"):
        samples = read_samples(ledger, commit)
        version = Version(commit.label, commit.tree, commit.prefix, samples)
        done = export_version(ledger.store, version, kind.value, to.expanduser())
    console.print(
        f"{commit.label} lies in {done.folder}: {done.n_files} files.",
        soft_wrap=True,
        highlight=False,
    )


@app.command("propose-scenes")
def propose_scenes(
    to: Annotated[Path, typer.Argument(help="The CSV to write; then thin it out by hand.")],
    run: Annotated[str, typer.Option(help="A run's name; the newest without one.")] = "",
    recipe: Annotated[str, typer.Option(help="Whose scenes; the run's own without one.")] = "",
    weights: Annotated[str, typer.Option(help="Which catalogued tagger.")] = "clip-vit-b-32",
    least: Annotated[float, typer.Option(help="The lowest score that is written.")] = 0.8,
) -> None:
    """Let a network propose scenes for kept crops; publish.scene_overrides takes what stays."""
    from flows.cli.console import console, progress_bars
    from flows.engine.run_record import load_run
    from tasks.common.recipe.models import load_recipe
    from tasks.common.settings import settings
    from tasks.common.workspace.artifacts import Workspace
    from tasks.dataset.task import propose

    target = to.expanduser().absolute()
    if target.exists():
        raise InputError(f"{target} is there already, perhaps thinned out by hand; name another.")
    record = load_run(Workspace.of(settings()), run or None)
    chosen = load_recipe(recipe) if recipe else record.recipe
    with progress_bars(f"propose scenes for {record.run_id}"):
        data = propose(record.outcomes, chosen, weights, least)
    write_file(target, data)
    console.print(
        f"{data.count(10) - 1} proposals lie in {target}. Take out what is wrong, then name the "
        "file in the recipe: publish.scene_overrides.",
        soft_wrap=True,
        highlight=False,
    )
