"""Phone numbers as the API spells them: a country and what one would dial there."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from ..errors import Invalid

_NONSENSE = "Give the number as it is dialled in its country, and the country as two letters."


def whole_number(number: str, country: str) -> str:
    """The number in its one international spelling; raises Invalid."""
    try:
        parsed = phonenumbers.parse(number[:40], country.upper())
    except NumberParseException:
        raise Invalid({"subscriber.phone_number": _NONSENSE}) from None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def country_and_number(address: str) -> tuple[str | None, str | None]:
    """The two letters of the country and the number as dialled there."""
    try:
        parsed = phonenumbers.parse(address)
    except NumberParseException:
        return None, address
    return phonenumbers.region_code_for_number(parsed), phonenumbers.national_significant_number(parsed)


def display(address: str) -> str:
    """The number as people write it."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(address), PhoneNumberFormat.INTERNATIONAL)
    except NumberParseException:
        return address
