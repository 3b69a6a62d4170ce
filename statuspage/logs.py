"""Structured logs, as text for people or JSON for machines; line breaks in values are escaped by the renderer."""

import logging
import sys
from typing import Any

import structlog

from .settings import Settings


def configure(settings: Settings) -> None:
    """Log to standard error in the chosen format and level."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # Plainly: the formatter it would choose by itself prints the values of variables, addresses among them.
        plainly = structlog.dev.plain_traceback
        processors.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plainly))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
