"""Write docs/settings.md and docs/rules.md from the code that they describe.

`python -m docs.generate` (or `make docs`) writes both; tests/docs/test_generated.py fails while a
page differs from what this module gives.
"""

import inspect
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from tasks.common.recipe.bounds import Bounds, LicenceBounds, RuleBounds, TagBounds
from tasks.common.recipe.models import load_recipe
from tasks.common.schema.rule_names import RULE_NAMES
from tasks.common.settings import Settings
from tasks.filter.rules import RULES

FOLDER = Path(__file__).parent
RECIPES = ("people", "local", "demo")
_GENERATED = "<!-- Written by `make docs`; edit the code that it describes, not this page. -->\n"
_NONE = "none"

# Validators fill these in from MATTEFLOW_HOME, so the field itself has no default to show.
_FILLED_IN = {
    "home": "`./matteflow-data`",
    "workspace": "`HOME/workspace`",
    "models": "`HOME/models`",
    "scratch": "`HOME/scratch`",
    "store": "`file://HOME/store`",
}
# A bucket is split off before the field sees a folder.
_ALLOWED = {
    "workspace": "folder or `s3://…`",
    "store": "`file:///…` or `s3://…`",
    "removebg_url": "`https://…`, on this machine also `http://…`",
}
# Set from `workspace` when that is a bucket; nobody sets it by hand.
_INTERNAL = {"shared"}

_SETTINGS_INTRO = """# Settings
Settings describe the machine: folders, servers, limits. They are environment variables, and none of
them changes what a dataset contains; that is the recipe's part. A wrong value is refused before any
work starts. `HOME` stands for the value of `MATTEFLOW_HOME`.
"""

# Variables that `Settings` does not read.
_OTHER_VARIABLES = (
    (
        "`MATTEFLOW_TOKEN_…`",
        "API token of a community; its list names the variable ([sources](sources.md))",
    ),
    (
        "`MATTEFLOW_POOL`, `MATTEFLOW_PROJECT`",
        "work pool and code folder of `prefect.yaml`; `python -m deployments.setup` sets both",
    ),
    (
        "`MATTEFLOW_BIN`",
        "folder of the executables that `deployments/local.sh` starts; `make up` sets it",
    ),
    ("`AWS_ENDPOINT_URL_S3`", "the S3 server, where `MATTEFLOW_S3_ENDPOINT` is empty"),
    ("`AWS_CA_BUNDLE`", "certificates of an S3 server that uses its own"),
    ("`AWS_…`", "credentials, region and profile, as for all AWS tools; never stored"),
    ("`PREFECT_API_URL`", "the Prefect server; without it a run starts a server of its own"),
)

_RULES_INTRO = """# Rules
A rule measures one value per crop and compares it with the bounds of the recipe. A crop is kept,
dropped or set aside for review; the first failing rule, its value, its bound and a sentence are
stored with it. The order below is the order in which a first failing rule is named.

Values are stored without bounds, so a changed bound needs no model ([curate](curate.md)). Rules
that need no mask run before matting, which is by far the most expensive stage
([decision 1](decisions/0001-two-passes-of-rules.md)).

A recipe sets `min`, `max`, `review_min`, `review_max` and `missing` for each rule. A value outside
`min`..`max` drops the crop. A value inside them but outside `review_min`..`review_max` sends it to
review. `missing` is the verdict where the value cannot be measured. `excluded_scene` takes `tags`
and `licence` takes `allowed` instead. A rule without bounds is measured and decides nothing.

*Serves* names points of the [requirements](requirements.md). The last columns are the bounds of the
shipped recipes; [calibration](calibration/README.md) says how they were set.
"""


def settings_page() -> str:
    """Return the page of all settings, one row per environment variable."""
    rows = [
        (
            f"`MATTEFLOW_{name.upper()}`",
            _FILLED_IN.get(name) or _default(field),
            _ALLOWED.get(name) or _allowed(field),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
        if name not in _INTERNAL
    ]
    table = _table(("variable", "default", "allowed", "meaning"), rows)
    others = _table(("variable", "meaning"), _OTHER_VARIABLES)
    return f"{_GENERATED}{_SETTINGS_INTRO}\n{table}\n## Other variables\n{others}"


def rules_page() -> str:
    """Return the page of all rules: one table, then what each measures in full."""
    bounds = [load_recipe(name).filter for name in RECIPES]
    rows = [
        (
            f"[`{name}`](#{name})",
            _question(name),
            _unit(name),
            "after" if name in RULES and RULES[name].needs_mask else "before",
            ", ".join(_serves(name)),
            *(_bounds(recipe.of(name)) for recipe in bounds),
        )
        for name in RULE_NAMES
    ]
    header = ("rule", "asks", "unit", "runs", "serves", *(f"`{name}`" for name in RECIPES))
    details = "".join(_details(name) for name in RULE_NAMES)
    return _GENERATED + _RULES_INTRO + "\n" + _table(header, rows) + "\n" + details.rstrip() + "\n"


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        return ""
    if isinstance(value, bool):
        value = str(value).lower()  # as it is written in an environment variable
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value != "" else ""


def _allowed(field: FieldInfo) -> str:
    """Return the values that a setting takes: its choices, or its type with the limits."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{sign} {getattr(limit, name):g}"
        for limit in field.metadata
        for name, sign in signs.items()
        if getattr(limit, name, None) is not None
    ]
    words: dict[object, str] = {
        int: "integer",
        float: "number",
        bool: "`true`, `false`",
        Path: "folder",
        str: "text",
        SecretStr: "text, secret",
    }
    return " ".join([words[kind], ", ".join(limits)]).strip()


def _question(name: str) -> str:
    """Return the first sentence of a rule's module: the question that it answers."""
    text = inspect.getdoc(import_module(f"tasks.filter.rules.{name}")) or ""
    return " ".join(text.split("\n\n", 1)[0].split()).rstrip(".")


def _unit(name: str) -> str:
    """Return what a rule measures in; rules on tags measure nothing."""
    (bounds, *_) = get_args(RuleBounds.model_fields[name].annotation)
    return str(getattr(bounds, "unit", _NONE))


def _serves(name: str) -> tuple[str, ...]:
    # Rules on the source's tags have no `Rule`; what they serve stands here.
    of_tags = {"excluded_scene": ("S13",), "licence": ("S3",)}
    return of_tags[name] if name in of_tags else RULES[name].serves


def _bounds(bounds: Bounds | TagBounds | LicenceBounds | None) -> str:
    match bounds:
        case None:
            return _NONE
        case TagBounds(tags=names) | LicenceBounds(allowed=names):
            text = ", ".join(names)
        case Bounds():
            text = ", ".join(f"{name} {value:g}" for name, value in bounds.by_name().items())
    default = type(bounds).model_fields["missing"].default
    return text if bounds.missing == default else f"{text}, missing {bounds.missing}"


def _details(name: str) -> str:
    """Return the section of one rule: how it measures, and the sentence of a drop."""
    module = import_module(f"tasks.filter.rules.{name}")
    measure = next(
        function
        for function_name in ("measure", "judge", "nearest_kept")
        if (function := getattr(module, function_name, None)) is not None
    )
    section = f"### {name}\n{inspect.getdoc(measure)}\n\n"
    if name in RULES:
        section += f"A drop says: “{RULES[name].say}”\n\n"
    return section


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = [list(header), *map(list, rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    lines = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells)
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "rules.md": rules_page}


def main() -> None:
    """Write all pages and name those that changed."""
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path} written\n")


if __name__ == "__main__":
    main()
