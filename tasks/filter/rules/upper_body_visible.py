"""Whether the pose model sees head, shoulders and hips, where legs may be missing."""

from tasks.filter.rule import Rule
from tasks.filter.rules.body_visible import UPPER_BODY, least_seen
from tasks.filter.subject import Subject


def measure(subject: Subject) -> float | None:
    """Return how surely the least visible of head, shoulders and hips is seen, 0..1.

    As `body_visible`, without knees and ankles. None without a pose model.
    """
    return None if subject.seen is None else least_seen(subject.seen, UPPER_BODY)


RULE = Rule(
    name="upper_body_visible",
    serves=("S7", "S8"),
    needs_mask=False,
    measure=measure,
    say="The least visible part of the upper body is seen with {value:.0f} %; the bound is "
    "{bound:.0f} %.",
    scale=100,
)
