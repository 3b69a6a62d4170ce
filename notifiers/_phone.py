"""Phone numbers, as phonenumbers knows them. A module of its own because its tables take 50 ms to import."""

from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    number_type,
    parse,
    region_code_for_country_code,
    region_code_for_number,
)

_UNKNOWN = "ZZ"


def e164(digits: str) -> str | None:
    """The number in its one spelling, if its country has numbers so long (reserved ranges included)."""
    number = _read(digits)
    if number is None or is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return format_number(number, PhoneNumberFormat.E164)


def is_premium(digits: str) -> bool:
    number = _read(digits)
    return number is not None and number_type(number) == PhoneNumberType.PREMIUM_RATE


def region(digits: str) -> str:
    """The ISO region of a number, by its country code alone where no region claims it; empty when unknown."""
    number = _read(digits)
    if number is None or number.country_code is None:
        return ""
    found = region_code_for_number(number) or region_code_for_country_code(number.country_code)
    return "" if found == _UNKNOWN else found


def _read(digits: str) -> PhoneNumber | None:
    try:
        return parse(digits, None)
    except NumberParseException:
        return None
