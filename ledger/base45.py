"""Base45: bytes as the 45 characters of a QR code's alphanumeric mode, which packs two of them into 11 bits.

    two bytes   a * 256 + b = c + d * 45 + e * 45^2      three characters c d e
    one byte    a           = c + d * 45                 two characters c d

Source: RFC 9285.
"""

from __future__ import annotations

from typing import Final

from ledger.errors import Malformed

__all__ = ["base45_decode", "base45_encode"]

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}


def base45_encode(data: bytes) -> str:
    """Encode bytes; three characters for two of them, two for the last of an odd number."""
    characters: list[str] = []
    for start in range(0, len(data), 2):
        pair = data[start : start + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, digit = divmod(value, 45)
            characters.append(_ALPHABET[digit])
    return "".join(characters)


def base45_decode(text: str) -> bytes:
    """Decode; each text has one meaning, each meaning one text.

    Raises Malformed bad_base45: a foreign character, a length of 1 modulo 3, a group above 65,535 or 255.
    """
    try:
        values = [_VALUES[character] for character in text]
    except KeyError as error:
        raise Malformed("bad_base45", "expected the 45 characters of RFC 9285") from error
    if len(values) % 3 == 1:
        raise Malformed("bad_base45", "one character is left over")
    data = bytearray()
    for start in range(0, len(values), 3):
        group = values[start : start + 3]
        number = sum(digit * 45**place for place, digit in enumerate(group))
        if number >> (8 * (len(group) - 1)):
            raise Malformed("bad_base45", f"a group of {len(group)} characters stands for no {len(group) - 1} bytes")
        data += number.to_bytes(len(group) - 1, "big")
    return bytes(data)
