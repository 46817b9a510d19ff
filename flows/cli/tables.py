"""Tables of a run on the terminal: funnel, preview of other bounds, verdict on a crop."""

from collections.abc import Sequence

from rich.table import Table

from flows.cli.console import console, print_warning
from flows.engine.run_record import RunRecord
from flows.explain import Explanation
from flows.preview import Preview
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.task import reuse_or_deduplicate
from tasks.review.task import Reason, all_drops, for_review, funnel, reasons, source_lines


def print_run(record: RunRecord, workspace: Workspace) -> None:
    """Print a run's funnel, its drops by reason, and the sources that were withheld or failed."""
    outcomes = record.outcomes
    run = workspace.run_crops(reuse_or_deduplicate(outcomes, record.recipe.filter, workspace))
    table = Table(title=f"Run {record.run_id}", title_justify="left", show_header=False, box=None)
    for step in funnel(outcomes, run.crops):
        table.add_row(step.label, str(step.n), step.unit)
    table.columns[1].justify = "right"
    console.print(table)
    for title, drops in (
        ("Dropped", all_drops(outcomes, run, workspace)),
        ("For review", for_review(run.crops)),
    ):
        # An empty table would look like a lost one.
        if drops:
            console.print(_reasons_table(title, reasons(drops)))
    for sentence in (*record.withheld, *record.skipped):
        console.print(sentence, style="yellow", highlight=False)
    # Last, since a terminal shows the end: what failed must be in sight.
    for line in source_lines(outcomes, run):
        if line.state != "done":
            console.print(
                f"{line.source_id} {line.state}: {line.cause}", style="red", highlight=False
            )


def _reasons_table(title: str, rows: Sequence[Reason]) -> Table:
    table = Table("stage", "reason", "items", "for example", title=title, title_justify="left")
    table.columns[2].justify = "right"
    for row in rows:
        table.add_row(row.stage, row.reason, str(row.n), row.example)
    return table


def print_preview(preview: Preview) -> None:
    """Print how other bounds would change verdicts and rules, and the URL of the pictures."""
    diff = preview.diff
    console.print(
        f"Run {preview.run_id} of {preview.sources}, {diff.before.total()} crops",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if not diff.moves:
        console.print("No verdict would change.")
    moves = Table("verdict now", "then", "crops")
    moves.columns[2].justify = "right"
    for move in diff.moves:
        moves.add_row(move.before, move.after, str(move.n))
    rules = Table("rule", "fail now", "then", "reason now", "then")
    for column in rules.columns[1:]:
        column.justify = "right"
    for rule in diff.rules:
        rules.add_row(rule.rule, *(str(n) for n in rule[1:]))
    for table in (moves, rules):
        if table.row_count:
            console.print(table)
    # In this order and by name: `before` and `after` may hold different verdicts.
    for verdict in ("keep", "review", "drop", "to be matted"):
        if diff.before[verdict] or diff.after[verdict]:
            console.print(
                f"{verdict}: {diff.before[verdict]} now, {diff.after[verdict]} then",
                highlight=False,
            )
    console.print(f"Pictures: {preview.page}", soft_wrap=True, highlight=False)


def print_explanation(explanation: Explanation) -> None:
    """Print a crop's verdict and the finding of each rule."""
    crop = explanation.crop
    sentence = f": {crop.verdict.sentence}" if crop.verdict.sentence else ""
    console.print(f"{crop.stem} {crop.verdict.verdict}{sentence}", soft_wrap=True)
    table = Table("rule", "value", "bounds", "verdict")
    table.columns[1].justify = "right"
    for finding in explanation.findings:
        style = {"drop": "red", "review": "yellow"}.get(finding.verdict)
        table.add_row(finding.rule, finding.value, finding.bounds, finding.verdict, style=style)
    console.print(table)
    if explanation.takedown:
        print_warning(f"Its pictures are not shown: {explanation.takedown}.")
    else:
        console.print(f"Pictures: {explanation.page}", soft_wrap=True, highlight=False)
