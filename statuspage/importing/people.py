"""The subscriber export: a CSV whose header names its columns.

The vendor documents no header; the names here are those of its API and of its own import template, in whatever
case, with blanks or underscores.
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import phonenumbers

from . import shapes
from .facts import Contents, Found, Place, Refused, SubscriberFacts, Unreadable

LONGEST_LINE = 100_000
_NAMES = {
    "id": {"id", "subscriber_id"},
    "kind": {"kind", "type", "mode", "channel", "subscriber_type", "subscription_type"},
    "email": {"email", "email_address"},
    "address": {"address", "contact", "subscriber", "destination", "recipient"},
    "phone": {"phone", "phone_number", "display_phone_number", "number", "sms"},
    "country": {"phone_country", "country", "country_code"},
    "endpoint": {"endpoint", "webhook", "webhook_url", "url"},
    "components": {"components", "component_ids", "component", "component_names", "subscribed_components"},
    "state": {"state", "status"},
    "quarantined": {"quarantined_at", "quarantined"},
    "unsubscribed": {"unsubscribed_at", "purge_at"},
    "confirmed": {"confirmed", "confirmed_at", "is_confirmed"},
    "created": {"created_at", "created", "date_created", "subscribed_at", "subscribed_on", "date_subscribed", "date"},
}
_STATES = {
    "": "active", "active": "active", "confirmed": "active", "subscribed": "active", "unconfirmed": "unconfirmed",
    "pending": "unconfirmed", "quarantined": "quarantined", "unsubscribed": "unsubscribed",
}  # fmt: skip
_ALL = {"", "all", "all components", "*"}
_DATES = ("%Y-%m-%d %H:%M:%S %Z", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%b %d, %Y", "%d %b %Y")
_CANNOT = {
    "webhook": "is a webhook: its owner must prove it again. Ask them to sign up here.",
    "slack": "is a Slack subscription, which belongs to the vendor's app. Ask them to sign up here.",
    "teams": "is a Teams subscription, which belongs to the vendor's app. Ask them to sign up here.",
    "integration_partner": "belongs to an integration of the vendor's.",
}


def read(file: str, text: str) -> Contents:
    """Who is in the export."""
    rows = _rows(text)
    first = next(rows, None)
    columns = _columns(first[1]) if first else {}
    if not columns.keys() & {"email", "address", "phone"}:
        raise Unreadable("is no subscriber export: its first line names neither email nor address.", 1)
    contents = Contents()
    seen: dict[tuple[str, str], int] = {}
    for line, cells in rows:
        place = Place(file, line)
        try:
            if not any(cell.strip() for cell in cells):
                continue
            facts = _subscriber({name: cells[at].strip() for name, at in columns.items() if at < len(cells)}, cells)
            key = (facts.channel, facts.address.casefold())
            if key in seen:
                raise Unreadable(f"is the same address as line {seen[key]}.")
            seen[key] = line
        except Unreadable as error:
            kind = str(error) in _CANNOT.values()
            contents.refused.append(Refused(place, "subscriber", str(error), is_broken=not kind))
            continue
        contents.found.append(Found(place, facts))
    return contents


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the line it begins on; the separator is the one that the first line uses most."""
    head = text.lstrip().split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    lines = 0

    def counted() -> Iterator[str]:
        nonlocal lines
        for line in io.StringIO(text, newline=None):
            lines += 1
            if len(line) > LONGEST_LINE:
                raise Unreadable("has a line that is longer than any subscriber.", lines)
            yield line.replace("\0", "\ufffd")

    begin = 1
    try:
        for cells in csv.reader(counted(), delimiter=separator):
            yield begin, cells
            begin = lines + 1
    except csv.Error as error:
        raise Unreadable(f"is no CSV ({error}).", lines) from error


def _columns(header: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, title in enumerate(header):
        plain = re.sub(r"[^a-z0-9]+", "_", title.strip().lower()).strip("_")
        name = next((name for name, titles in _NAMES.items() if plain in titles), None)
        if name:
            found.setdefault(name, at)
    return found


def _subscriber(row: dict[str, str], cells: list[str]) -> SubscriberFacts:
    for cell in cells:
        shapes.words({"the line": cell}, "the line")
    kind = _kind(row)
    if kind in _CANNOT:
        raise Unreadable(_CANNOT[kind])
    if kind not in ("email", "sms"):
        raise Unreadable(f"its kind “{kind[:40]}” is neither email nor sms.")
    address = row.get("email") or row.get("address", "") if kind == "email" else _number(row)
    if not address:
        raise Unreadable("has no address.")
    state = _STATES.get(row.get("state", "").lower())
    if state is None:
        raise Unreadable(f"its state “{row['state'][:40]}” is not known.")
    if row.get("confirmed", "").lower() in ("no", "false", "f", "0"):
        state = "unconfirmed"
    if row.get("quarantined", "").lower() not in ("", "no", "false", "f", "0", "null"):
        state = "quarantined"
    return SubscriberFacts(
        id=row.get("id", "") if shapes.ID.fullmatch(row.get("id", "")) else "",
        channel=kind,
        address=address,
        components=_components(row.get("components", "")),
        state=state,
        created_at=_date(row.get("created", "")),
    )


def _kind(row: dict[str, str]) -> str:
    kind = row.get("kind", "").strip().lower().replace(" ", "_")
    if kind in ("sms", "phone", "text"):
        return "sms"
    if kind in ("email", "e-mail", "mail"):
        return "email"
    if not kind:
        return "webhook" if row.get("endpoint") else "sms" if row.get("phone") and not row.get("email") else "email"
    return kind


def _number(row: dict[str, str]) -> str:
    typed = row.get("phone") or row.get("address", "")
    country = row.get("country", "").upper()
    if typed.startswith("+") or not re.fullmatch("[A-Z]{2}", country):
        return typed
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException as error:
        raise Unreadable(f"its number is none of {country}.") from error
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _components(cell: str) -> tuple[str, ...]:
    """Ids or names, as a list in brackets or between semicolons, bars or commas."""
    plain = cell.strip().strip("[]").strip()
    if plain.lower() in _ALL:
        return ()
    separator = next((mark for mark in ";|" if mark in plain), ",")
    return tuple(dict.fromkeys(name for part in plain.split(separator) if (name := part.strip().strip("\"'").strip())))


def _date(cell: str) -> datetime | None:
    if not cell:
        return None
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        found = _written(cell)
    return shapes.read_instant((found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat(), "its date")


def _written(cell: str) -> datetime:
    for form in _DATES:
        try:
            return datetime.strptime(cell, form)  # noqa: DTZ007 - the zone is asked for by the caller
        except ValueError:
            continue
    raise Unreadable(f"its date “{cell[:40]}” cannot be read.")
