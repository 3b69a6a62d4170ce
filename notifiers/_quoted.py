"""Quoted-printable (RFC 2045, 6.7) with gaps: words encoded once, and values fitted in later."""

from collections.abc import Sequence

_WIDTH = 76
_SOFT = b"=\r\n"
# A stretch of a value; with the = of a soft break it stays within the width, if it holds few signs to escape.
_STRETCH = 64

_PLAIN = {chr(code): bytes([code]) for code in range(33, 127) if chr(code) != "="}
_PLAIN |= {" ": b" ", "\t": b"\t"}


def encode(pieces: Sequence[str | int]) -> list[bytes | int]:
    """The words with each gap (a number) where it was, between soft line breaks so that any value fits."""
    made: list[bytes | int] = []
    line = bytearray()
    column = 0
    for at, piece in enumerate(pieces):
        if isinstance(piece, int):
            if column:
                line += _SOFT
            made += [bytes(line), piece]
            line.clear()
            column = 0
            rest = pieces[at + 1] if at + 1 < len(pieces) else "\n"
            if not (isinstance(rest, str) and rest.startswith("\n")):
                line += _SOFT
            continue
        for index, sign in enumerate(piece):
            if sign == "\n":
                line += b"\r\n"
                column = 0
                continue
            is_last = piece[index + 1 : index + 2] == "\n" or (index + 1 == len(piece) and at + 1 == len(pieces))
            atom = _atom(sign, is_last=is_last)
            if column + len(atom) > _WIDTH - 1:
                line += _SOFT
                column = 0
            line += atom
            column += len(atom)
    made.append(bytes(line))
    return made


def value(text: str) -> bytes:
    """A value of printable ASCII, for a gap."""
    if len(text) <= _STRETCH and "=" not in text:
        return text.encode("ascii")
    stretches = [text[at : at + _STRETCH] for at in range(0, len(text), _STRETCH)]
    return _SOFT.join(_stretch(each) for each in stretches)


def _stretch(text: str) -> bytes:
    signs = text.count("=")
    if not signs:
        return text.encode("ascii")
    if len(text) + 2 * signs < _WIDTH:
        return text.replace("=", "=3D").encode("ascii")
    half = len(text) // 2
    return _stretch(text[:half]) + _SOFT + _stretch(text[half:])


def _atom(sign: str, *, is_last: bool) -> bytes:
    if is_last and sign in " \t":
        return b"=%02X" % ord(sign)
    found = _PLAIN.get(sign)
    return found if found is not None else b"".join(b"=%02X" % byte for byte in sign.encode())
