"""Whom of our colleagues a shift means: pure, values in and values out."""

import re
from collections.abc import Iterable

from ..models import StaffUser
from .reading import Shift


def people_of(shift: Shift, staff: Iterable[StaffUser]) -> list[StaffUser]:
    """Whoever is named by address; where nobody is, whoever is named by their whole name."""
    everybody = list(staff)
    by_address = [each for each in everybody if each.email.casefold() in shift.emails]
    return by_address or [each for each in everybody if _is_named(each.name, shift.words)]


def _is_named(name: str, words: str) -> bool:
    """Whether the whole name stands there: “Ann Lee” is not “Joann Leeds”, and a first name alone names nobody."""
    plain = " ".join(name.split()).casefold()
    if " " not in plain:
        return False
    return re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", words.casefold()) is not None
