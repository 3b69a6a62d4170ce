"""What a person types on the command line, read as the vocabulary's words, spans and pairs."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

import click

from ..clock import parse_span


class Word(click.ParamType):  # type: ignore[type-arg]  # older clicks know no parameter
    """A word of the vocabulary; hyphens and capitals are forgiven, and so are the given short forms."""

    def __init__(self, words: type[StrEnum], short: Mapping[str, str] | None = None) -> None:
        self.words, self.short = words, dict(short or {})
        self.name = "|".join(words)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """All words, in the help."""
        return f"[{self.name}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> StrEnum:
        """The word meant."""
        typed = str(value).strip().lower().replace("-", "_")
        try:
            return self.words(self.short.get(typed, typed))
        except ValueError:
            self.fail(f"“{value}” is not one of {', '.join(self.words)}.", param, ctx)


class Span(click.ParamType):  # type: ignore[type-arg]  # older clicks know no parameter
    """A span of time such as 10s, 30m or 1h30m."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span meant."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_span(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Pair(click.ParamType):  # type: ignore[type-arg]  # older clicks know no parameter
    """NAME=VALUE; the name may hold further equals signs."""

    def __init__(self, name: str, value: "click.ParamType[Any] | None" = None) -> None:
        self.name = name
        self.value = value or click.STRING

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """Both halves, the second as its own type."""
        name, equals, rest = str(value).rpartition("=")
        if not equals or not name.strip() or not rest.strip():
            self.fail(f"“{value}” is not of the form {self.name}.", param, ctx)
        return name.strip(), self.value.convert(rest.strip(), param, ctx)
