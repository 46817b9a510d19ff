"""The command line. Exit codes: 0 done, 1 the run failed or part of it, 2 the request was wrong."""

import logging
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli import dataset as cli_dataset
from flows.cli import rerun as cli_rerun
from flows.cli import takedown as cli_sources
from flows.cli import versions as cli_versions
from flows.engine.prefect_env import quieten_console
from tasks.common.errors import InputError, MatteflowError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130

app = typer.Typer(
    help="Turn shared videos and street photos into a published person-segmentation dataset.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Verbose = Annotated[bool, typer.Option("--verbose", help="Show Prefect's log.")]
Store = Annotated[str, typer.Option(help="Where to publish, such as s3://bucket/prefix.")]


class Mode(StrEnum):
    """When a run publishes."""

    complete = "complete"
    partial = "partial"
    never = "never"


@app.command()
def ingest(
    sources: Annotated[str, typer.Argument(help="A list (.csv, .yaml), folder, file, or 'demo'.")],
    recipe: Annotated[str, typer.Option(help="A recipe's name or YAML file.")] = "people",
    publish: Annotated[Mode, typer.Option(help="When to publish.")] = Mode.complete,
    store: Store = "",
    verbose: Verbose = False,
) -> None:
    """Take sources through all stages and publish what is kept."""
    _start(verbose)
    from flows.cli.console import progress_bars
    from flows.ingest import ingest as ingest_flow
    from flows.ingest import prepare
    from tasks.common.settings import settings

    prepare(sources, recipe, store or settings().store)  # before Prefect starts its server
    with progress_bars(f"ingest {sources} with the recipe {recipe}"):
        state = ingest_flow(
            sources=sources, recipe=recipe, publish=publish.value, store=store, return_state=True
        )
    _finish(state)


@app.command()
def publish(
    run: Annotated[str, typer.Argument(help="A run's name; the newest without one.")] = "",
    recipe: Annotated[str, typer.Option(help="Publish by this recipe, without a model.")] = "",
    store: Store = "",
    revive: Annotated[
        bool, typer.Option("--revive", help="Even what was retired, as a new version.")
    ] = False,
    also: Annotated[
        list[str] | None, typer.Option(help="Another run, published together with it.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Publish what a finished run kept, by its own recipe or by another."""
    _start(verbose)
    from flows.cli.console import progress_bars
    from flows.publish import publish_run

    with progress_bars("publish"):
        state = publish_run(
            run=run, recipe=recipe, store=store, revive=revive, also=also or [], return_state=True
        )
    _finish(state)


@app.command()
def sources(
    address: Annotated[str, typer.Argument(help="A list (.csv, .yaml), folder, file, or 'demo'.")],
) -> None:
    """Check a source list and show what it holds."""
    from rich.table import Table

    from flows.cli.console import console
    from tasks.common.uri import shown
    from tasks.download.task import is_missing, news_of, read_sources

    listed = read_sources(address)
    table = Table("source_id", "uri", "scenes", "licence", "uploader", "")
    for source in listed:
        table.add_row(source.source_id, shown(source.uri), ", ".join(source.scenes),
                      source.licence or "", source.uploader or "", news_of(source))  # fmt: skip
    console.print(table)
    lost = [source.source_id for source in listed if is_missing(source.uri)]
    if lost:
        raise InputError(f"{len(lost)} of {len(listed)} sources are not there: {', '.join(lost)}.")
    console.print(f"{len(listed)} sources, no mistakes found.")


@app.command()
def weights(
    fetch: Annotated[list[str] | None, typer.Option(help="Fetch these weights now.")] = None,
) -> None:
    """Show the catalogue of model weights, and fetch some ahead of time."""
    from rich.table import Table

    from flows.cli.console import console
    from tasks.common.settings import settings
    from tasks.common.weights.catalogue import catalogue
    from tasks.common.weights.fetch import is_present, require_weights

    known, models = catalogue(), settings().models
    for name in fetch or []:
        if name not in known:
            raise InputError(f"No weights {name!r}. Known: {', '.join(sorted(known))}.")
        console.print(f"{name}: {require_weights(known[name], models)}", soft_wrap=True)
    table = Table("name", "role", "licence", "sha256", "here")
    for entry in known.values():
        here = "yes" if is_present(entry, models) else "no"
        table.add_row(entry.name, entry.role, entry.licence, entry.sha256[:12], here)
    console.print(table)


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="A run's name; the newest without one.")] = "",
) -> None:
    """Show a run's funnel, what was dropped and why."""
    from tasks.common.settings import settings
    from tasks.common.workspace.artifacts import Workspace

    _print_run(run or None, Workspace.of(settings()))


@app.command()
def retune(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or YAML file.")],
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A changed value, such as sharpness.min=0.12; null removes."),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would change.")] = False,
    save: Annotated[str, typer.Option(help="Write the changed recipe to this file.")] = "",
    run: Annotated[str, typer.Option(help="Judge this run's crops; else the newest fit.")] = "",
) -> None:
    """See what other bounds would change, from stored measures and without any model."""
    from flows.cli.console import console
    from flows.cli.tables import print_preview
    from flows.preview import preview as look
    from tasks.common.recipe.override import amend_recipe
    from tasks.common.settings import settings
    from tasks.common.workspace.artifacts import Workspace

    if not (preview or save):
        raise InputError("Say --preview to see what would change, or --save FILE to keep it.")
    _, text = amend_recipe(recipe, change or [])
    if preview:
        print_preview(look(recipe, change or [], run or None, Workspace.of(settings())))
    if save:
        _save_recipe(text, Path(save), recipe)
        console.print(f"Saved {save}. Ingest with it: what was computed is found again.")


def _save_recipe(text: str, target: Path, recipe: str) -> None:
    """Write a changed recipe; the only file that it may replace is the one it was read from."""
    from tasks.common.files import write_file
    from tasks.common.recipe.models import shipped_recipes

    try:
        is_own = recipe not in shipped_recipes() and target.resolve() == Path(recipe).resolve()
        if target.exists() and not is_own:
            raise InputError(f"{target} exists already; name a file that does not.")
        write_file(target.resolve(), text.encode())
    except OSError as error:
        raise InputError(
            f"{str(target)[:80]} cannot be written ({error.strerror or error}); name another file."
        ) from error


@app.command()
def explain(
    crop: Annotated[str, typer.Argument(help="A crop's id, or how it begins.")],
    run: Annotated[str, typer.Option(help="A run's name; the newest without one.")] = "",
) -> None:
    """Tell why a crop was kept, dropped or set aside: every value beside its bounds."""
    from flows.cli.tables import print_explanation
    from flows.explain import explain_crop
    from tasks.common.settings import settings
    from tasks.common.workspace.artifacts import Workspace

    print_explanation(explain_crop(crop, run or None, Workspace.of(settings())))


app.add_typer(cli_versions.app)
app.add_typer(cli_dataset.app)
app.add_typer(cli_sources.app)
app.add_typer(cli_rerun.app)


def _print_run(run: str | None, workspace: Any) -> None:
    from flows.cli.console import console
    from flows.cli.tables import print_run
    from flows.engine.prefect_artifacts import describe_publication
    from flows.engine.run_record import load_run, run_folder

    record = load_run(workspace, run)
    print_run(record, workspace)
    console.print(describe_publication(record), highlight=False)
    if record.publication:
        console.print(f"Subset: {record.publication.url}", soft_wrap=True, highlight=False)
    page = workspace.url(f"{run_folder(record.run_id)}/report.html")
    console.print(f"Report: {page}", soft_wrap=True, highlight=False)


def _start(verbose: bool) -> None:
    if not verbose:
        quieten_console()
        logging.captureWarnings(True)


def _finish(state: "State[Any]") -> None:
    from tasks.common.settings import settings
    from tasks.common.workspace.artifacts import Workspace

    run_id = state.result(raise_on_failure=False)
    if isinstance(run_id, str):
        _print_run(run_id, Workspace.of(settings()))
    if not state.is_completed():
        _complain(state.message or str(run_id))
        raise typer.Exit(BAD_INPUT if state.name == "BadInput" else FAILED)


def _complain(sentence: str) -> None:
    from flows.cli.console import errors

    errors.print(f"matteflow: {sentence}", style="red", highlight=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; foreseeable mistakes end in a sentence, not in a stack trace."""
    command: Callable[..., Any] = typer.main.get_command(app)
    try:
        command(args=list(arguments) if arguments is not None else None, standalone_mode=True)
    except MatteflowError as error:
        _complain(str(error))
        sys.exit(BAD_INPUT if isinstance(error, InputError) else FAILED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _complain("Interrupted. The same command again goes on where this one stopped.")
        raise
