"""The lines of a bundle: what a county's outbox holds, and what the hub answered, each by the same id.

    {"id":"<b64u leaf>","entry":"eyJ…"}               a seal or a change of status, as POST /ledger/entries takes it
    {"id":"<b64u leaf>","record":"eyJ…"}              a journal record, as POST /journal/records takes it
    {"id":"1.2.156.3005.2.…","face":"eyJ…~…~"}        a face, as POST /vault/faces takes it

    {"id":"<b64u leaf>","entry":{"index":812,"leaf":"…","state":"witnessed","receipt":"…"}}
    {"id":"<b64u leaf>","record":{"position":7}}
    {"id":"1.2.156.3005.2.…","face":{"certificateIdentifier":"1.2.156.3005.2.…"}}
    {"id":"…","entry":{"error":{"code":"…","message":"…"}}}

The id is the county's own name for the item. Entries come before records, and records before faces, so that what needs
a seal in the ledger comes after it. At most 30,000 lines. An answer holds the objects of the HTTP answers as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ledger.encoding import JsonValue, canonical_json, parse_canonical_json
from ledger.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["KINDS", "AnswerLine", "LineKind", "OutboxLine", "answer_lines", "outbox_lines"]

LineKind: TypeAlias = Literal["entry", "record", "face"]

KINDS: Final[tuple[LineKind, ...]] = ("entry", "record", "face")
"""The kinds of lines, in the order in which they stand."""

MAX_LINES: Final = 30_000
_MAX_BYTES: Final = 1 << 20
_ID: Final = re.compile(r"[0-9A-Za-z._@-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLine:
    """One thing that a county sends. data: the bytes that would be sent over HTTP, ASCII."""

    kind: LineKind
    id: str
    data: bytes

    def text(self) -> bytes:
        """Write the line, without its end."""
        return canonical_json({"id": self.id, self.kind: self.data.decode("ascii")})


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLine:
    """What the hub answered about one thing."""

    kind: LineKind
    id: str
    answer: dict[str, JsonValue]

    def text(self) -> bytes:
        """Write the line, without its end."""
        return canonical_json({"id": self.id, self.kind: self.answer})


def outbox_lines(lines: Iterable[bytes]) -> Iterator[OutboxLine]:
    """Read the lines of an outbox. Raises Malformed bad_bundle, too_large (more than 30,000)."""
    for kind, name, value in _read(lines):
        if not isinstance(value, str) or not value.isascii():
            raise Malformed("bad_bundle", f"{kind} is no ASCII text")
        yield OutboxLine(kind=kind, id=name, data=value.encode("ascii"))


def answer_lines(lines: Iterable[bytes]) -> Iterator[AnswerLine]:
    """Read the lines of an answer. Raises Malformed bad_bundle, too_large."""
    for kind, name, value in _read(lines):
        if not isinstance(value, dict):
            raise Malformed("bad_bundle", f"the answer about a {kind} is no object")
        yield AnswerLine(kind=kind, id=name, answer=value)


def _read(lines: Iterable[bytes]) -> Iterator[tuple[LineKind, str, JsonValue]]:
    before = 0
    for number, line in enumerate(lines):
        if number >= MAX_LINES:
            raise Malformed("too_large", f"a bundle has at most {MAX_LINES} lines")
        kind, name, value = _line(line)
        if KINDS.index(kind) < before:
            raise Malformed("bad_bundle", f"a line of kind {kind} stands too late")
        before = KINDS.index(kind)
        yield kind, name, value


def _line(line: bytes) -> tuple[LineKind, str, JsonValue]:
    try:
        value = parse_canonical_json(line, max_bytes=_MAX_BYTES)
    except Malformed as error:
        raise Malformed("bad_bundle", "a line is no canonical JSON") from error
    members = list(value) if isinstance(value, dict) else []
    kind = next((each for each in KINDS if members == ["id", each]), None)
    if kind is None or not isinstance(value, dict):
        raise Malformed("bad_bundle", "a line is not an id, and an entry, a record or a face")
    name = value["id"]
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise Malformed("bad_bundle", "an id is not 1..128 letters, digits, dots, hyphens, underscores and @")
    return kind, name, value[kind]
