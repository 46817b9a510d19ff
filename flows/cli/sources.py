"""`matteflow sources`."""

from rich.table import Table

from flows.cli.console import console
from flows.cli.options import SourceList
from tasks.common.errors import InputError
from tasks.common.uri import redacted
from tasks.download.task import is_missing, read_sources, status_of


def sources(address: SourceList) -> None:
    """Check a source list and print its sources."""
    listed = read_sources(address)
    table = Table("source_id", "uri", "scenes", "licence", "uploader", "")
    for source in listed:
        table.add_row(source.source_id, redacted(source.uri), ", ".join(source.scenes),
                      source.licence or "", source.uploader or "", status_of(source))  # fmt: skip
    console.print(table)
    missing = [source.source_id for source in listed if is_missing(source.uri)]
    # After the table: all sources are shown before the command fails.
    if missing:
        raise InputError(
            f"{len(missing)} of {len(listed)} sources do not exist: {', '.join(missing)}."
        )
    console.print(f"{len(listed)} sources, no errors.")
