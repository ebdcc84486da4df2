"""Mutations of bytes that know a little of our formats: bits and spans, lines, numbers, base64, JSON and DER.

A mutator is seeded and draws from a corpus and a dictionary of format words; the same seed gives the same inputs. What
looks like base64 is decoded, mutated inside and encoded again, and a JSON document is changed as a tree, so that inputs
get past the outer form and reach the checks behind it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from tests.fuzz.der import changed_der

__all__ = ["WORDS", "Mutator"]

MAX_BYTES: Final = 1 << 20  # no input grows beyond it, so that a chain of repeats ends
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_NUMBER: Final = re.compile(rb"(?<![A-Za-z0-9+/_.-])[0-9]{1,20}(?![A-Za-z0-9+/_-])")
_MEMBER: Final = re.compile(rb'("[A-Za-z_.]{1,24}"):("[^"\\]{0,200}"|[0-9]{1,17})')
_INTERESTING: Final = (0, 1, 2, 3, 4, 63, 64, 255, 256, 257, 2**31, 2**32, 2**53 - 1, 2**53, 2**63, 2**64, 10**400)

WORDS: Final = (
    b"", b"\n", b"\n\n", b"\r\n", b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\x94 ", b" ",
    b"\t", b"+", b"=", b"==", b".", b"~", b"~~", b"#", b"-", b"-1", b"00", b"01", b"1.0", b"1e3", b"1e999", b"-0", b"NaN",
    b"Infinity", b"true", b"null", b"{}", b"[]", b'""', b"[" * 300, b'{"a":' * 20, b"\\ud800", b"\\u0000", b'"', b",", b":",
    b"none", b"EdDSA", b"Ed25519", b"ES256", b"SM2", b"HS256", b"crit", b"kid", b"alg", b"typ", b"iss", b"iat", b"nbf",
    b"exp", b"cnf", b"_sd", b"_sd_alg", b"...", b"sha-256", b"dc+sd-jwt", b"lic-status+jwt", b"lic-member+jwt",
    b"lic-rule+jwt", b"lic-head+jwt", b"kb+jwt", b"370214", b"370214#1", b"320583#1", b"hub.example/ledger", b"origin",
    b"prev", b"void_from", b"revoke", b"members", b"quorum", b"group", b"witness", b"log", b"all", b"any", b"index ",
    b"old ", b"c2sp.org/tlog-proof@v1\n", b"extra AAAA\n", b"tongban-keys/v1\n", b"A" * 43 + b"=", b"A" * 43,
)  # fmt: skip
"""What formats give a meaning to, or give none."""

_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 1.0, 2**53, 2**63, "", "a", "\x00", "\ud800", "370214", "370214#1", "none", [], {}, [[]],
    {"a": 1}, {"_sd": []}, {"...": "x"}, ["a", "a"], "A" * 43, "A" * 5000, [0] * 300,
)  # fmt: skip


class Mutator:
    """Makes inputs out of a corpus: each is one of its items, changed one to four times."""

    def __init__(self, corpus: Sequence[bytes], seed: int, words: Sequence[bytes] = WORDS) -> None:
        self.random: Final = Random(seed)
        self._corpus: Final = tuple(corpus)
        self._words: Final = tuple(words)

    def next(self) -> bytes:
        """Make the next input."""
        data = self.random.choice(self._corpus)
        for _ in range(self.random.choice((1, 1, 1, 2, 2, 3, 4))):
            data = self.mutate(data)[:MAX_BYTES]
        return data

    def mutate(self, data: bytes, depth: int = 3) -> bytes:
        """Change bytes once. depth: how often a change may go on inside what was decoded."""
        change = self.random.choice(_DEEP if depth else _FLAT)
        return change(self, data, depth)

    def _place(self, data: bytes) -> int:
        return self.random.randint(0, len(data))

    def _span(self, data: bytes) -> tuple[int, int]:
        start = self._place(data)
        return start, min(len(data), start + self.random.choice((1, 1, 2, 4, 8, 32, 256)))

    def flip_bit(self, data: bytes, _depth: int) -> bytes:
        if not data:
            return b"\x01"
        place = self.random.randrange(8 * len(data))
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        return bytes(changed)

    def set_byte(self, data: bytes, _depth: int) -> bytes:
        place = self._place(data)
        return data[:place] + self.random.randbytes(1) + data[place + 1 :]

    def cut_out(self, data: bytes, _depth: int) -> bytes:
        start, end = self._span(data)
        return data[:start] + data[end:]

    def truncate(self, data: bytes, _depth: int) -> bytes:
        return data[: self._place(data)]

    def repeat(self, data: bytes, _depth: int) -> bytes:
        start, end = self._span(data)
        return data[:end] + data[start:end] * self.random.choice((1, 1, 2, 70, 300)) + data[end:]

    def insert_word(self, data: bytes, _depth: int) -> bytes:
        place = self._place(data)
        return data[:place] + self.random.choice(self._words) + data[place:]

    def replace_word(self, data: bytes, _depth: int) -> bytes:
        start, end = self._span(data)
        return data[:start] + self.random.choice(self._words) + data[end:]

    def splice(self, data: bytes, _depth: int) -> bytes:
        other = self.random.choice(self._corpus)
        return data[: self._place(data)] + other[self._place(other) :]

    def change_number(self, data: bytes, depth: int) -> bytes:
        found = list(_NUMBER.finditer(data))
        if not found:
            return self.set_byte(data, depth)
        match = self.random.choice(found)
        near = int(match.group()) + self.random.choice((-1, 1))
        number = self.random.choice((near, near, self.random.choice(_INTERESTING)))
        return data[: match.start()] + str(number).encode() + data[match.end() :]

    def change_lines(self, data: bytes, _depth: int) -> bytes:
        lines = data.split(b"\n")
        here, there = self.random.randrange(len(lines)), self.random.randrange(len(lines))
        match self.random.randrange(3):
            case 0:
                lines[here], lines[there] = lines[there], lines[here]
            case 1:
                lines.insert(there, lines[here])
            case _:
                del lines[here]
        return b"\n".join(lines)

    def double_member(self, data: bytes, depth: int) -> bytes:
        found = list(_MEMBER.finditer(data))
        if not found:
            return self.repeat(data, depth)
        match, other = self.random.choice(found), self.random.choice(found)
        member = match[1] + b":" + self.random.choice((match, other))[2] + b","
        return data[: match.start()] + member + data[match.start() :]

    def inside_base64(self, data: bytes, depth: int) -> bytes:
        found = list(_BASE64.finditer(data))
        if not found:
            return self.flip_bit(data, depth)
        match = self.random.choice(found)
        text = match.group()
        decoded = _decoded(text)
        if decoded is None:
            return self.flip_bit(data, depth)
        url = b"=" not in text and b"+" not in text and b"/" not in text
        written = _encoded(self.mutate(decoded, depth - 1), url=url)
        return data[: match.start()] + written + data[match.end() :]

    def inside_der(self, data: bytes, depth: int) -> bytes:
        changed = (
            changed_der(data, self.random, lambda inner: self.mutate(inner, depth - 1)) if data[:1] == b"0" else None
        )
        return self.inside_json(data, depth) if changed is None else changed

    def inside_json(self, data: bytes, depth: int) -> bytes:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            return self.inside_base64(data, depth)
        document = self._changed(document, depth)
        try:
            return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        except (ValueError, RecursionError):  # a lone surrogate
            return json.dumps(document, separators=(",", ":")).encode()

    def _changed(self, value: Any, depth: int) -> Any:
        """Change one node of a document, the deeper the likelier."""
        if isinstance(value, dict) and value and self.random.random() < 0.85:
            name = self.random.choice(list(value))
            return self._changed_member(value, name, depth)
        if isinstance(value, list) and value and self.random.random() < 0.85:
            return self._changed_element(value, self.random.randrange(len(value)), depth)
        if isinstance(value, str) and self.random.random() < 0.7:
            return self.mutate(value.encode("utf-8", "surrogatepass"), depth - 1).decode("utf-8", "replace")
        if isinstance(value, int) and self.random.random() < 0.7:
            return self.random.choice((value + 1, value - 1, -value, 2**53, float(value % 2**53)))
        return self.random.choice(_VALUES)

    def _changed_member(self, value: dict[str, Any], name: str, depth: int) -> dict[str, Any]:
        match self.random.randrange(8):
            case 0:
                return {other: value[other] for other in value if other != name}
            case 1:
                return {other: value[other] for other in value if other != name} | {name: value[name]}
            case 2:
                word = self.random.choice(self._words).decode("utf-8", "replace")
                return {word if other == name else other: value[other] for other in value}
            case 3:
                return value | {self.random.choice(("a", "void_from", "y", "nbf", "by", "crit")): value[name]}
            case _:
                return value | {name: self._changed(value[name], depth)}

    def _changed_element(self, value: list[Any], place: int, depth: int) -> list[Any]:
        match self.random.randrange(6):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return [*value, value[place]]
            case 2:
                return self.random.sample(value, len(value))
            case _:
                return [*value[:place], self._changed(value[place], depth), *value[place + 1 :]]


def _decoded(text: bytes) -> bytes | None:
    standard = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return None


def _encoded(data: bytes, *, url: bool) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=") if url else base64.b64encode(data)


Change = Callable[[Mutator, bytes, int], bytes]
_FLAT: Final[tuple[Change, ...]] = (
    Mutator.flip_bit, Mutator.set_byte, Mutator.cut_out, Mutator.truncate, Mutator.repeat, Mutator.insert_word,
    Mutator.replace_word, Mutator.splice, Mutator.change_number, Mutator.change_lines,
)  # fmt: skip
_DEEP: Final[tuple[Change, ...]] = (
    *_FLAT,
    Mutator.double_member,
    *[Mutator.inside_base64] * 4,
    *[Mutator.inside_der] * 6,
)
