"""All rules that measure, in the order in which a first failing rule is named.

A rule's module bears its name. `excluded_scene` and `licence` judge the source rather than a crop
and stand beside these.
"""

from importlib import import_module

from tasks.common.schema.rule_names import MEASURED_RULES
from tasks.filter.rule import Rule

RULES: dict[str, Rule] = {name: import_module(f"{__name__}.{name}").RULE for name in MEASURED_RULES}
