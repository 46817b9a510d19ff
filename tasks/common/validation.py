"""Turn pydantic's findings into messages that name the key, the value and what is allowed."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def explain_validation(
    error: ValidationError, origin: str, model: type[BaseModel], prefix: str = ""
) -> str:
    """Return one line per finding: `origin: path.of.key = value: what is wrong`.

    A finding about an unknown key lists the known ones. With a `prefix` the keys are written as
    names of environment variables.
    """
    lines = []
    for finding in error.errors():
        path = ".".join(str(part) for part in finding["loc"])
        path = prefix + path.upper() if prefix else path
        value = "" if finding["type"] == "missing" else f" = {finding['input']!r:.80}"
        lines.append(f"{origin}: {path}{value}: {_reason(finding, model)}")
    return "\n".join(lines)


def _reason(finding: Any, model: type[BaseModel]) -> str:
    if finding["type"] == "missing":
        return "this key is required"
    if finding["type"] == "extra_forbidden":
        known = _fields_at(model, finding["loc"][:-1])
        return "this key is not known" + (f"; known here: {', '.join(known)}" if known else "")
    return str(finding["msg"]).removeprefix("Value error, ")


def _fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Return the keys that a model knows at the end of a path; none where that is no model."""
    for part in path:
        field = model.model_fields.get(str(part))
        if field is None:
            return []
        candidates = (field.annotation, *get_args(field.annotation))
        kinds = (kind for kind in candidates if isinstance(kind, type))
        models = [kind for kind in kinds if issubclass(kind, BaseModel)]
        if not models:
            return []
        model = models[0]
    return sorted(field.alias or name for name, field in model.model_fields.items())
