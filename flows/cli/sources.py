"""`matteflow sources`."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.table import Table

from flows.cli.console import console
from flows.cli.options import SourceList
from tasks.common.errors import InputError
from tasks.common.recipe.models import Recipe, load_recipe
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.records import Source
from tasks.common.uri import redacted
from tasks.download.task import is_missing, read_listing, status_of
from tasks.filter.rules.licence import judge as judge_licence


def sources(
    address: SourceList,
    recipe: Annotated[
        str, typer.Option(help="Also tell which tags and licences do not fit this recipe.")
    ] = "",
) -> None:
    """Check a source list and print its sources."""
    parsed = load_recipe(recipe) if recipe else None
    listed, skipped = read_listing(address)
    table = Table()
    for name in ("source_id", "uri", "scenes", "licence", "uploader", ""):
        # Folded, not cut: a file's name is at the end of its path.
        table.add_column(name, overflow="fold")
    for source in listed:
        table.add_row(source.source_id, redacted(source.uri), ", ".join(source.scenes),
                      source.licence or "", source.uploader or "", status_of(source))  # fmt: skip
    console.print(table)
    for sentence in (*skipped, *_misfits(listed, parsed)):
        console.print(sentence, style="yellow", highlight=False, soft_wrap=True)
    missing = [source.source_id for source in listed if is_missing(source.uri)]
    # After the table: all sources are shown before the command fails.
    if missing:
        raise InputError(
            f"{len(missing)} of {len(listed)} sources do not exist: {', '.join(missing)}."
        )
    console.print(f"{len(listed)} sources, no errors.")


def _misfits(listed: Sequence[Source], recipe: Recipe | None) -> Iterator[str]:
    """Say what of a list a recipe has no use for, before a run of hours says so."""
    if recipe is None:
        return
    tags = SceneFinder(recipe.publish).unmatched_tags(listed)
    if tags:
        yield f"{len(tags)} tags match no scene of the recipe {recipe.name}: {', '.join(tags)}."
    limits = recipe.filter.licence
    if limits is None:
        return
    for source in listed:
        finding = judge_licence(source, limits)
        if finding.verdict != "keep":
            yield f"{source.source_id}: {finding.sentence} Its crops: {finding.verdict}."
