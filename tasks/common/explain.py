"""Turn pydantic's findings into sentences that name the key, what came and what is allowed."""

from pydantic import ValidationError

_ADVICE = {
    "extra_forbidden": "this key is not known",
    "missing": "this key is required",
}


def explain_validation(error: ValidationError, origin: str, prefix: str = "") -> str:
    """Return one line per finding: `origin: path.of.key = value: what is wrong`."""
    lines = []
    for finding in error.errors():
        path = prefix + ".".join(str(part) for part in finding["loc"])
        said = _ADVICE.get(finding["type"], finding["msg"])
        came = "" if finding["type"] == "missing" else f" = {finding['input']!r:.80}"
        lines.append(f"{origin}: {path}{came}: {said}")
    return "\n".join(lines)
