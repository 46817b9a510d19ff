"""Options and arguments that several commands share."""

from typing import Annotated

import typer

Store = Annotated[
    str, typer.Option(help="The store, such as s3://bucket/prefix; empty takes MATTEFLOW_STORE.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show Prefect's log.")]
VersionRef = Annotated[str, typer.Argument(help="NAME, NAME@v3 or NAME@latest.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SourceList = Annotated[
    str, typer.Argument(help="A source list (.csv, .yaml, .parquet), folder, file, or 'demo'.")
]
RecipeName = Annotated[str, typer.Argument(help="A recipe's name or YAML file.")]
RunName = Annotated[str, typer.Argument(help="A run's name; empty takes the newest run.")]
RunOption = Annotated[str, typer.Option("--run", help="A run's name; empty takes the newest run.")]
