"""`matteflow export`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console import console, progress_bars
from flows.cli.options import Store, VersionRef
from flows.cli.registry import open_registry, require_usable, warn_if_taken_down
from tasks.export.task import Format, Version, export_version
from tasks.publish.read import read_samples


def export(
    version: VersionRef,
    kind: Annotated[Format, typer.Option("--format", help="The format to write.")],
    to: Annotated[Path, typer.Option(help="The folder to write the export into.")] = Path(),
    store: Store = "",
) -> None:
    """Write a version as COCO instances, WebDataset shards or a Hugging Face imagefolder."""
    registry = open_registry(store, patient=True)
    commit = require_usable(registry, version)
    warn_if_taken_down(registry, commit)
    # `patient`: an export reads thousands of files.
    with progress_bars(f"export {commit.label}"):
        samples = read_samples(registry, commit)
        converted = Version(commit.label, commit.tree, commit.prefix, samples)
        exported = export_version(registry.store, converted, kind, to.expanduser())
    console.print(
        f"{commit.label} is in {exported.folder}: {exported.n_files} files.",
        soft_wrap=True,
        highlight=False,
    )
