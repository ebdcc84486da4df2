"""Events of cases as plain values: what is told of a step, a lamp or a license, and its place in the feed. No I/O.

    {"id":"<22>","kind":"STEP","caseNumber":"<43>","time":1780304400,"counties":["130207","370214","220103"],
     "step":{"sequence":2,"kind":"PRE_REVIEW","outcome":"PASSED","county":"130207"}}
    {…,"kind":"LAMP","lamp":{"clock":"HANDLING","county":"370214","limit":"PROMISED","days":5,"lamp":"YELLOW"}}
    {…,"kind":"LICENSE","license":{"certificateIdentifier":"…","status":"REVOKED","reason":"04","logIndex":812}}

Canonical JSON. An event's id is made of what happened alone: the same in every copy of the feed, however often it is
made again. No event holds a word about a person: numbers of cases, identifiers of licenses, counties, kinds.

A cursor is base64url of four numbers of 6 bytes, and 8 bytes of the event's id: its number, and how far journal, ledger
and time had come before it. The number finds the event; where another feed was made since, the other three do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hub.journal.casesteps import CaseStepRecord
from ledger.casework import Case
from ledger.clocks import Clock
from ledger.encoding import b64u_decode, b64u_encode, canonical_json, parse_json
from ledger.errors import Malformed
from ledger.lamps import Turn
from schema.feed import FeedEvent

__all__ = [
    "START",
    "Place",
    "event_id",
    "format_event",
    "lamp_event",
    "license_event",
    "marked",
    "parse_cursor",
    "read_event",
    "step_event",
    "write_cursor",
]

MAX_EVENT_BYTES: Final = 4096
_NUMBER_BYTES: Final = 6
_MARK_BYTES: Final = 8
_CURSOR_CHARS: Final = 43


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the feed: the number of an event, and the counts of records, entries and seconds before it.

    mark: the first 8 bytes of the event's id, zeros for none.
    """

    number: int
    journal: int
    ledger: int
    time: int
    mark: bytes = bytes(_MARK_BYTES)


START: Final = Place(0, 0, 0, 0)


def write_cursor(place: Place) -> str:
    """Write a place as a cursor, 43 characters."""
    numbers = (place.number, place.journal, place.ledger, place.time)
    return b64u_encode(b"".join(each.to_bytes(_NUMBER_BYTES, "big") for each in numbers) + place.mark)


def parse_cursor(cursor: str) -> Place:
    """Read a cursor. Raises Malformed bad_cursor for anything that `write_cursor` does not give."""
    if len(cursor) != _CURSOR_CHARS:
        raise Malformed("bad_cursor", "expected a cursor of an event")
    try:
        raw = b64u_decode(cursor, size=4 * _NUMBER_BYTES + _MARK_BYTES)
    except Malformed as error:
        raise Malformed("bad_cursor", "expected a cursor of an event") from error
    parts = [raw[at : at + _NUMBER_BYTES] for at in range(0, 4 * _NUMBER_BYTES, _NUMBER_BYTES)]
    number, journal, ledger, time = (int.from_bytes(each, "big") for each in parts)
    return Place(number, journal, ledger, time, raw[4 * _NUMBER_BYTES :])


def event_id(*parts: str | int) -> str:
    """Name an event by what happened: 22 characters, 128 bits of a SHA-256."""
    return b64u_encode(hashlib.sha256(canonical_json(list(parts))).digest()[:16])


def step_event(case: Case, record: CaseStepRecord) -> bytes:
    """Tell of a step that a case has just taken."""
    step = record.step
    told = {
        "sequence": step.sequence,
        "kind": step.kind.value,
        "outcome": None if step.outcome is None else step.outcome.value,
        "county": record.iss,
    }
    return _written(("STEP", step.number, step.sequence), case.counties, record.iat, step=told)


def lamp_event(case: Case, clock: Clock, turn: Turn) -> bytes:
    """Tell of a lamp that turns."""
    told = {
        "clock": clock.code,
        "county": clock.county,
        "limit": turn.kind.value,
        "days": turn.days,
        "lamp": turn.lamp.value,
    }
    what = ("LAMP", case.number, clock.code, turn.kind.value, turn.lamp.value, turn.at)
    return _written(what, case.counties, turn.at, lamp=told)


def license_event(number: str, counties: Sequence[str], identifier: str, change: Mapping[str, Any]) -> bytes:
    """Tell of a license used in an open case. change: {"status", "reason", "index", "at"} of the ledger's entry."""
    told = {
        "certificateIdentifier": identifier,
        "status": change["status"],
        "reason": change["reason"],
        "logIndex": change["index"],
    }
    return _written(("LICENSE", number, identifier, change["index"]), counties, change["at"], license=told)


def _written(what: tuple[str | int, ...], counties: Sequence[str], time: int, **told: Any) -> bytes:
    head = {"id": event_id(*what), "kind": what[0], "caseNumber": what[1], "time": time}
    return canonical_json({**head, "counties": list(dict.fromkeys(counties)), **told})


def read_event(place: Place, raw: bytes) -> FeedEvent:
    """Read a stored event at its place. Raises Malformed: the store is damaged."""
    value: Any = parse_json(raw, max_bytes=MAX_EVENT_BYTES)
    return FeedEvent(
        number=place.number,
        cursor=write_cursor(marked(place, raw)),
        id=value["id"],
        kind=value["kind"],
        case=value["caseNumber"],
        time=value["time"],
        counties=tuple(value["counties"]),
        told=value[value["kind"].lower()],
    )


def marked(place: Place, raw: bytes) -> Place:
    """Give an event's place with the mark of its id. Raises Malformed: the store is damaged."""
    value: Any = parse_json(raw, max_bytes=MAX_EVENT_BYTES)
    return replace(place, mark=b64u_decode(value["id"])[:_MARK_BYTES])


def format_event(event: FeedEvent) -> bytes:
    """Write an event as it is sent to a partner system: with its cursor, and without the counties of its case."""
    return canonical_json(
        {
            "cursor": event.cursor,
            "id": event.id,
            "kind": event.kind,
            "caseNumber": event.case,
            "time": event.time,
            event.kind.lower(): dict(event.told),
        }
    )
