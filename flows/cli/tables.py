"""Tables of a run on the terminal: its funnel, what other bounds would change, a crop's verdict."""

from collections.abc import Sequence

from rich.table import Table

from flows.cli.console import console
from flows.engine.run_record import RunRecord
from flows.explain import Explanation
from flows.preview import Preview
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.task import Subset, all_drops, funnel, reasons, set_aside, source_lines


def print_run(record: RunRecord, workspace: Workspace) -> None:
    """Print a run's funnel, what was dropped and why, and the sources that need attention."""
    subset = Subset(record.outcomes, workspace, record.recipe.filter)
    table = Table(title=f"Run {record.run_id}", title_justify="left", show_header=False, box=None)
    for step in funnel(subset):
        table.add_row(step.label, str(step.n), step.unit)
    table.columns[1].justify = "right"
    console.print(table)
    for title, told in (("Dropped", all_drops(subset)), ("For review", set_aside(subset))):
        counted = reasons(told)
        if counted:
            console.print(_reasons_table(title, counted))
    for said in record.withheld:
        console.print(said, style="yellow", highlight=False)
    for line in source_lines(subset):
        if line.state != "done":
            console.print(
                f"{line.source_id} {line.state}: {line.cause}", style="red", highlight=False
            )


def _reasons_table(title: str, counted: Sequence[tuple[str, str, int, str]]) -> Table:
    table = Table("stage", "reason", "items", "for example", title=title, title_justify="left")
    table.columns[2].justify = "right"
    for stage, reason, n_items, example in counted:
        table.add_row(stage, reason, str(n_items), example)
    return table


def print_changes(found: Preview) -> None:
    """Print what other bounds would change: verdicts, moves, rules, and where the pictures are."""
    changes = found.changes
    console.print(
        f"Run {found.run_id} of {found.sources}, {changes.before.total()} crops",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if not changes.moves:
        console.print("No verdict would change.")
    moves = Table("verdict now", "then", "crops")
    moves.columns[2].justify = "right"
    for move in changes.moves:
        moves.add_row(move.before, move.after, str(move.n))
    rules = Table("rule", "fail now", "then", "reason now", "then")
    for column in rules.columns[1:]:
        column.justify = "right"
    for rule in changes.rules:
        rules.add_row(rule.rule, *(str(n) for n in rule[1:]))
    for table in (moves, rules):
        if table.row_count:
            console.print(table)
    for verdict in ("keep", "review", "drop", "to be matted"):
        if changes.before[verdict] or changes.after[verdict]:
            console.print(
                f"{verdict}: {changes.before[verdict]} now, {changes.after[verdict]} then",
                highlight=False,
            )
    console.print(f"Pictures: {found.page}", soft_wrap=True, highlight=False)


def print_explanation(found: Explanation) -> None:
    """Print a crop's verdict and what each rule says of it."""
    verdict = found.judged.verdict
    said = f": {verdict['sentence']}" if verdict["sentence"] else ""
    console.print(f"{found.judged.stem} {verdict['verdict']}{said}", soft_wrap=True)
    table = Table("rule", "value", "bounds", "verdict")
    table.columns[1].justify = "right"
    for word in found.words:
        style = {"drop": "red", "review": "yellow"}.get(word.verdict)
        table.add_row(word.rule, word.value, word.bounds, word.verdict, style=style)
    console.print(table)
    console.print(f"Pictures: {found.page}", soft_wrap=True, highlight=False)
