"""Quoted-printable (RFC 2045, 6.7) with gaps: words encoded once, and values fitted in later."""

from collections.abc import Sequence

_WIDTH = 76
_SOFT = "=\r\n"
# A stretch of a value; with the = of a soft break it stays within the width, if it holds few signs to escape.
_STRETCH = 64

_PLAIN = {*map(chr, range(33, 127)), " ", "\t"} - {"="}


def encode(pieces: Sequence[str | int]) -> list[str | int]:
    """The words with each gap (a number) where it was, between soft line breaks so that any value fits."""
    made: list[str | int] = []
    line: list[str] = []
    column = 0
    for at, piece in enumerate(pieces):
        if isinstance(piece, int):
            if column:
                line.append(_SOFT)
            made += ["".join(line), piece]
            line.clear()
            column = 0
            rest = pieces[at + 1] if at + 1 < len(pieces) else "\n"
            if not (isinstance(rest, str) and rest.startswith("\n")):
                line.append(_SOFT)
            continue
        for index, sign in enumerate(piece):
            if sign == "\n":
                line.append("\r\n")
                column = 0
                continue
            is_last = piece[index + 1 : index + 2] == "\n" or (index + 1 == len(piece) and at + 1 == len(pieces))
            atom = _atom(sign, is_last=is_last)
            if column + len(atom) > _WIDTH - 1:
                line.append(_SOFT)
                column = 0
            line.append(atom)
            column += len(atom)
    made.append("".join(line))
    return made


def value(text: str) -> str:
    """A value of printable ASCII, for a gap."""
    if len(text) <= _STRETCH and "=" not in text:
        return text
    stretches = [text[at : at + _STRETCH] for at in range(0, len(text), _STRETCH)]
    if "=" in text:
        stretches = [_stretch(each) for each in stretches]
    return _SOFT.join(stretches)


def _stretch(text: str) -> str:
    signs = text.count("=")
    if len(text) + 2 * signs < _WIDTH:
        return text.replace("=", "=3D")
    half = len(text) // 2
    return _stretch(text[:half]) + _SOFT + _stretch(text[half:])


def _atom(sign: str, *, is_last: bool) -> str:
    if sign in _PLAIN and not (is_last and sign in " \t"):
        return sign
    return "".join(f"={byte:02X}" for byte in sign.encode())
