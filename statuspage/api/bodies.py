"""What clients send, read strictly: JSON, or a form whose names carry Rails' brackets. Both become the same tree."""

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from flask import Request

from ..errors import Invalid
from .errors import TooLarge, UnknownType, Unreadable

LIMIT = 256 * 1024
DEPTH = 20
PAIRS = 2000

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STEP = re.compile(r"\[([^\[\]]*)\]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def require_size(request: Request) -> None:
    """Refuse what says that it is too large, before a byte of it is read."""
    _require_at_most(request.content_length or 0)


def read(request: Request) -> tuple[dict[str, Any], bool]:
    """The tree that was sent, and whether it came as a form, where everything is text."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnknownType("Send the body as it is, without Content-Encoding.")
    raw = request.get_data(cache=True)
    _require_at_most(len(raw))
    kind = request.mimetype
    is_json = kind == "application/json" or kind.endswith("+json")
    # Some clients send JSON as a form, or without saying what it is.
    if is_json or (kind in ("", *_FORMS) and raw.lstrip()[:1] == b"{"):
        tree, is_form = _json(raw), False
    elif kind in _FORMS or not raw.strip():
        tree, is_form = unfold(request.form.items(multi=True)), True
    else:
        raise UnknownType("Send JSON (application/json) or a form (application/x-www-form-urlencoded).")
    _refuse_unkeepable(tree, "")
    return tree, is_form


def _require_at_most(size: int) -> None:
    if size > LIMIT:
        raise TooLarge(f"Send {LIMIT // 1024} KB at most.")


def unfold(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`incident[name]=x` as `{"incident": {"name": "x"}}`; `ids[]=a` as a list. Other names mean nothing to us."""
    tree: dict[str, Any] = {}
    for count, (name, value) in enumerate(pairs):
        if count >= PAIRS:
            raise Unreadable(f"Send at most {PAIRS} fields.")
        if match := _NAME.fullmatch(name):
            _put(tree, [match[1], *_STEP.findall(match[2])], value)
    return tree


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    is_list = path[-1] == ""
    steps = path[:-1] if is_list else path
    if "" in steps or len(steps) > DEPTH:
        return
    node: Any = tree
    for depth, step in enumerate(steps[:-1]):
        node = node.setdefault(step, {})
        if not isinstance(node, dict):
            _refuse_mixture(steps[: depth + 1])
    if not is_list:
        if isinstance(node.get(steps[-1]), (dict, list)):
            _refuse_mixture(steps)
        node[steps[-1]] = value
        return
    found = node.setdefault(steps[-1], [])
    if not isinstance(found, list):
        _refuse_mixture(steps)
    found.append(value)


def _refuse_mixture(steps: list[str]) -> NoReturn:
    raise Invalid({".".join(steps)[:100]: "This is given both as a value and as a group of values."})


def _json(raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8.") from None
    _require_shallow(text)
    try:
        tree = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_number, object_pairs_hook=_without_duplicates
        )
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON.") from None
    if not isinstance(tree, dict):
        raise Unreadable("The body must be a JSON object.")
    return tree


def _require_shallow(text: str) -> None:
    depth = 0
    for sign in re.findall(r"[\[{\]}]", _STRING.sub("", text)):
        depth += 1 if sign in "[{" else -1
        if depth > DEPTH:
            raise Unreadable(f"The body is nested more than {DEPTH} levels deep.")


def _refuse_constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is not a value in JSON.")


def _number(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise Unreadable("A number in the body is too large.")
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Unreadable(f"“{_UNKEEPABLE.sub('', name)[:40]}” is given twice.")
        found[name] = value
    return found


def _refuse_unkeepable(node: Any, path: str) -> None:
    """No database and no mail can hold a NUL or half a character."""
    match node:
        case str() if _UNKEEPABLE.search(node):
            raise Invalid({path: "This has a character that cannot be kept (NUL, or half of a surrogate pair)."})
        case dict():
            for name, value in node.items():
                if _UNKEEPABLE.search(name):
                    _refuse_unkeepable(name, path or "body")
                _refuse_unkeepable(value, f"{path}.{name}"[:100] if path else name[:100])
        case list():
            for value in node:
                _refuse_unkeepable(value, path)
