"""TOML files that people write, read into pydantic models; what is wrong is said in their words.

path, model  ──▶  read()  ──▶  dict        (not TOML, not there: the error class given)
dict, model  ──▶  check()  ──▶  model      (key by key, with what would be right)
"""

import difflib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rwe.errors import RweError

M = TypeVar("M", bound=BaseModel)


def read(path: Path, error: type[RweError], *, missing: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise error(f"{path}: there is no such file", hint=missing) from None
    except UnicodeDecodeError as e:
        raise error(f"{path}: not UTF-8 at byte {e.start + 1}", hint="save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as e:
        raise error(f"{path}: not valid TOML: {e}", hint="see https://toml.io") from None
    except (ValueError, RecursionError) as e:  # a whole number of 5,000 digits, 1,000 brackets
        raise error(f"{path}: cannot be read as TOML ({type(e).__name__})") from None
    except OSError as e:
        raise error(f"{path}: cannot be read ({e.strerror})") from None


def check(tables: Mapping[str, Any], model: type[M], *, where: str, error: type[RweError]) -> M:
    """The model, or the error for the first key that is wrong; a misspelt one before the one it leaves out.

    By way of JSON, since strict validation of Python objects refuses a list for a tuple.
    """
    try:
        return model.model_validate_json(json.dumps(tables, default=str), strict=True)
    except ValidationError as e:
        problems = e.errors(include_url=False, include_input=False)
        problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
        message, hint = _explain(problem, model)
        raise error(f"{where}: {message}", hint=hint) from None


def _explain(problem: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    place = _place(problem["loc"])
    match problem["type"]:
        case "extra_forbidden":
            keys = _keys(problem["loc"][:-1], model)
            near = difflib.get_close_matches(str(problem["loc"][-1]), keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"keys here: {', '.join(keys)}"
            return f"{place}: unknown key", hint
        case "missing":
            return f"{place}: this key is needed", ""
        case "value_error":
            return f"{place}: {problem['ctx']['error']}" if place else str(problem["ctx"]["error"]), ""
        case "bool_type" if place.endswith(".bool"):  # of a flag that may also be a name
            return f"{place.removesuffix('.bool')}: input should be true, false or a name", ""
        case _:
            return f"{place}: {problem['msg'][:1].lower()}{problem['msg'][1:]}", ""


def _place(location: tuple[int | str, ...]) -> str:
    """("visit", 1, "from") as visit[2].from: people count from one."""
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _keys(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """The keys, as they are written, of the table at a location."""
    for part in location:
        fields = {f.alias or name: f for name, f in model.model_fields.items()}
        if isinstance(part, str) and part in fields:
            model = _model_in(fields[part].annotation) or model
    return [f.alias or name for name, f in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The table behind `Table`, `Table | None` or `tuple[Table, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in get_args(annotation) if (m := _model_in(a))), None)
