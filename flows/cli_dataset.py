"""The command line for what a trainer or curator does with a subset: export, propose scenes."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli_versions import Store, Words, ledger_of, usable

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
    from flows.screen import console, progress_bars
    from tasks.publish.exports.task import export_version

    ledger = ledger_of(store, patient=True)
    commit = usable(ledger, words)
    with progress_bars(f"export {commit.label}"):
        done = export_version(ledger, commit, kind.value, to.expanduser())
    console.print(
        f"{commit.label} lies in {done.folder}: {done.n_files} files.",
        soft_wrap=True,
        highlight=False,
    )
