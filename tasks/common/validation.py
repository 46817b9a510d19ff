"""Turn pydantic's validation errors into messages that name the key, the value and the fix."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def explain_validation(
    error: ValidationError, origin: str, model: type[BaseModel], prefix: str = ""
) -> str:
    """Return one line per error: `origin: path.of.key = value: what is wrong`.

    For an unknown key the line lists the known ones. With a `prefix` the keys are written as names
    of environment variables.
    """
    lines = []
    for detail in error.errors():
        path = ".".join(str(part) for part in detail["loc"])
        path = prefix + path.upper() if prefix else path
        # The "input" of a missing key is the mapping around it, which would only confuse.
        value = "" if detail["type"] == "missing" else f" = {detail['input']!r:.80}"
        lines.append(f"{origin}: {path}{value}: {_reason(detail, model)}")
    return "\n".join(lines)


def _reason(detail: Any, model: type[BaseModel]) -> str:
    if detail["type"] == "missing":
        return "this key is required"
    if detail["type"] == "extra_forbidden":
        known = _fields_at(model, detail["loc"][:-1])
        return "unknown key" + (f"; known keys: {', '.join(known)}" if known else "")
    return str(detail["msg"]).removeprefix("Value error, ")


def _fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the model at the end of a path; none where there is no model.

    A path also steps through optional and nested models, hence the type arguments.
    """
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
    # The alias is what people write in the file.
    return sorted(field.alias or name for name, field in model.model_fields.items())
