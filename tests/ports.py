"""Fakes at the schema's ports: small, in memory, and true to the contracts of `schema.context`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.consents import Purpose
from ledger.encoding import b64u_encode
from ledger.errors import Conflict, Refused, TongbanError, Unavailable
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from ledger.verdict import STEPS, Outcome, Step, StepState, Verdict
from ledger.workdays import read_calendar
from schema.access import Principal
from schema.context import Access, AccessEntry, Basis, Context, FaceAnswer, FaceRequest, Published, Standing, Submission
from schema.feed import FeedEvent
from schema.readafter import ReadAfter

__all__ = [
    "CALENDAR",
    "CLERK",
    "CONSENT",
    "CONSENTS",
    "FakeBases",
    "FakeClock",
    "FakeEvents",
    "FakeFaceSources",
    "FakeJournal",
    "FakeProbes",
    "FakeProjection",
    "FakeRegistry",
    "FakeVerifier",
    "request_context",
    "verdict",
]

CALENDAR = read_calendar([{"date": "2026-06-19", "kind": "off"}, {"date": "2026-06-21", "kind": "work"}])

NOW = 1_780_304_400  # 2026-06-01T09:00:00Z

CLERK = Principal(
    county="370214",
    client="370214#3",
    token_id="token-1",
    scopes=frozenset({"license.read", "license.face", "journal.read"}),
    expires=NOW + 600,
)
"""A caller of the county 370214 with every scope that reads licenses."""


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until it is moved."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: int) -> None:
        """Move on."""
        self.now += seconds


@dataclass(slots=True)
class FakeRegistry:
    """A log in a list: an entry sent again gets its index; `refuse` names entries that get an error's code instead."""

    newest: Published | None = None
    refuse: Mapping[bytes, str] = field(default_factory=dict)
    down: TongbanError | None = None
    receipts: Mapping[int, bytes] = field(default_factory=dict)
    proofs: Mapping[int, str] = field(default_factory=dict)
    entries: list[bytes] = field(default_factory=list)
    changed: Mapping[int, Status] = field(default_factory=dict)

    async def submit(self, entries: Sequence[bytes], *, wait: bool) -> Sequence[Submission]:
        """Take the entries in order."""
        if self.down is not None:
            raise self.down
        return [self._take(entry, wait=wait) for entry in entries]

    def _take(self, entry: bytes, *, wait: bool) -> Submission:
        if entry in self.refuse:
            return Submission(code=self.refuse[entry], message="refused")
        if entry not in self.entries:
            self.entries.append(entry)
        index = self.entries.index(entry)
        taken = Submission(index=index, leaf=leaf_hash(entry), state="witnessed" if wait else "sequenced")
        if not wait:
            return taken
        return replace(taken, receipt=self.receipts.get(index), proof=self.proofs.get(index))

    def published(self) -> Published | None:
        """The newest checkpoint."""
        return self.newest

    async def receipt(self, index: int) -> bytes:
        """A receipt, where one was put in."""
        if self.down is not None:
            raise self.down
        if self.newest is None:
            raise Unavailable("no_log", "there is no published checkpoint")
        if index not in self.receipts:
            raise Conflict("wrong_target", "there is no published seal at this index")
        return self.receipts[index]

    async def statuses(self, indexes: Sequence[int]) -> Standing:
        """VALID, but for what was `changed`, a minute before the tests' time."""
        if self.down is not None:
            raise self.down
        found = tuple(self.changed.get(index, Status.VALID) for index in indexes)
        return Standing(size=100, time=NOW - 60, statuses=found)


@dataclass(slots=True)
class FakeEvents:
    """A feed in a list; it ends where a real one waits. follows: who asked, and from where."""

    events: list[FeedEvent] = field(default_factory=list)
    follows: list[tuple[str, str | None]] = field(default_factory=list)

    async def follow(self, county: str, *, after: str | None) -> AsyncGenerator[FeedEvent, None]:
        """Give the events of a county behind a cursor; without one, all of them."""
        self.follows.append((county, after))
        known = [event.cursor for event in self.events]
        for event in self.events[known.index(after) + 1 if after in known else 0 :]:
            if county in event.counties:
                yield event

    async def newest(self) -> str:
        """The last event's cursor."""
        return self.events[-1].cursor if self.events else "start"


@dataclass(slots=True)
class FakeJournal:
    """A journal in a list. holdings: holder key -> license -> county that sealed it, and case -> no county."""

    records: list[Access] = field(default_factory=list)
    holdings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    down: TongbanError | None = None

    async def record_access(self, access: Access) -> int:
        """Append a record."""
        if self.down is not None:
            raise self.down
        self.records.append(access)
        return len(self.records) - 1

    async def accesses(self, certificate_identifier: str, *, first: int, after: int = -1) -> Sequence[AccessEntry]:
        """Give the records of one license, oldest first."""
        found = [
            AccessEntry(position=position, access=access, licenses=(certificate_identifier,))
            for position, access in enumerate(self.records)
            if position > after and certificate_identifier in access.licenses
        ]
        return found[:first]

    async def accesses_of(
        self, holder: str, *, county: str | None, first: int, after: int = -1
    ) -> Sequence[AccessEntry]:  # fmt: skip
        """Give the records of a holder's licenses and cases, which stand in `holdings`, oldest first."""
        names = {name: by for name, by in self.holdings.get(holder, {}).items() if county in {None, by}}
        found = [
            AccessEntry(
                position=position,
                access=access,
                licenses=tuple(each for each in access.licenses if names.get(each)),
                cases=tuple(each for each in access.licenses if names.get(each) == ""),
            )
            for position, access in enumerate(self.records)
            if position > after and (names.keys() & access.licenses or (county is None and access.holder == holder))
        ]
        return found[:first]


_HOLDERS = ("holder-one", "holder-two", "nobody", "key of 001 X", "one", "two", "three")

CONSENTS = {holder: b64u_encode(number.to_bytes(16, "big")) for number, holder in enumerate(_HOLDERS, start=1)}
"""Holder key -> the id of the consent that the fakes know by default: for every county, matter and field."""

CONSENT = CONSENTS["holder-one"]


def _consents() -> dict[str, Basis]:
    return {
        name: Basis(name=f"consent/{name}", holder=holder, matter=None, fields=None, purpose=Purpose.HANDLING)
        for holder, name in CONSENTS.items()
    }


@dataclass(slots=True)
class FakeBases:
    """Bases by consent id or case number, whoever asks. `ends`: the judgement, from 0, from which on all have ended."""

    kept: dict[str, Basis] = field(default_factory=_consents)
    ends: int = 1 << 30
    asked: list[tuple[str | None, str | None, str, int]] = field(default_factory=list)

    async def judge(self, *, consent: str | None, case: str | None, county: str, at: int) -> Basis:
        """Give what is kept under the name."""
        self.asked.append((consent, case, county, at))
        found = self.kept.get(consent or case or "")
        if found is None:
            raise Refused("no_basis", "there is none")
        if len(self.asked) > self.ends:
            raise Refused("basis_ended", "it is over")
        return found


@dataclass(slots=True)
class FakeFaceSources:
    """Faces by identifier; `codes` makes a county late or dead, `legacy` have no node. Every call is kept."""

    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    legacy: frozenset[str] = frozenset()
    calls: list[tuple[FaceRequest, ...]] = field(default_factory=list)

    async def faces(self, requests: Sequence[FaceRequest]) -> Sequence[FaceAnswer]:
        """Answer in the order of the requests, with the fields asked for and no others."""
        self.calls.append(tuple(requests))
        return [self._answer(request) for request in requests]

    def _answer(self, request: FaceRequest) -> FaceAnswer:
        if request.county in self.codes:
            return FaceAnswer(values=None, code=self.codes[request.county])
        face = self.kept.get(request.certificate_identifier)
        if face is None:
            return FaceAnswer(values=None, code="absent")
        values = {name: value for name, value in face.items() if not request.fields or name in request.fields}
        return FaceAnswer(values=values, source="legacy" if request.county in self.legacy else "node", as_of=NOW)


@dataclass(slots=True)
class FakeProbes:
    """Lets everybody ask, unless it is `full`; keeps what was asked, and how often nothing was found."""

    full: TongbanError | None = None
    asked: list[str] = field(default_factory=list)
    misses: int = 0

    async def admit(self, principal: Principal, subject: str | None) -> None:  # the port's signature
        """Keep the subject."""
        if self.full is not None:
            raise self.full
        if subject is not None:
            self.asked.append(subject)

    async def missed(self, principal: Principal) -> None:  # the same
        """Count."""
        self.misses += 1


@dataclass(slots=True)
class FakeProjection:
    """A graph that has come as far as `at`; who asks for more is told to wait. bookmarks: what is given."""

    at: ReadAfter = field(default_factory=ReadAfter)
    bookmarks: tuple[str, ...] = ()
    asked: list[ReadAfter] = field(default_factory=list)

    async def reach(self, after: ReadAfter) -> tuple[str, ...]:
        """Keep what was asked for."""
        self.asked.append(after)
        if after.ledger > self.at.ledger or after.journal > self.at.journal:
            raise Unavailable("not_projected", "the write is not in the graph yet", retry_after=1)
        return self.bookmarks


def verdict(outcome: Outcome = Outcome.VALID, **members: Any) -> Verdict:
    """A verdict; for any outcome but VALID the last step failed."""
    last = StepState.PASSED if outcome is Outcome.VALID else StepState.FAILED
    states = [StepState.PASSED] * (len(STEPS) - 1) + [last]
    steps = tuple(
        Step(number, name, state, "found") for number, (name, state) in enumerate(zip(STEPS, states, strict=True), 1)
    )
    known: dict[str, Any] = {"code": "valid", "message": "all steps passed", "time": NOW - 60, "age": 60, "index": 7}
    return Verdict(outcome=outcome, steps=steps, **(known | members))


@dataclass(slots=True)
class FakeVerifier:
    """Gives one verdict for whatever comes, and keeps what came."""

    gives: Verdict = field(default_factory=verdict)
    calls: list[tuple[bytes, int]] = field(default_factory=list)

    def __call__(self, receipt: bytes, max_age: int) -> Verdict:
        self.calls.append((receipt, max_age))
        return self.gives


def _plain_key(type_code: str, code: str) -> str:
    return f"key of {type_code} {code}"


def request_context(**members: Any) -> Context:
    """One request's context over fakes; `members` replaces any of them."""
    known: dict[str, Any] = {
        "principal": CLERK,
        "request_id": "request-1",
        "registry": FakeRegistry(),
        "journal": FakeJournal(),
        "faces": FakeFaceSources(),
        "events": FakeEvents(),
        "clock": FakeClock(),
        "verify": FakeVerifier(),
        "holder_key": _plain_key,
        "calendar": CALENDAR,
        "bases": FakeBases(),
        "probes": FakeProbes(),
        "projection": FakeProjection(),
    }
    return Context(**(known | members))
