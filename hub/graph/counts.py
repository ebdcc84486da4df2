"""What the counties report, counted from journal records: per county and day, month and year. No I/O.

    (:PeriodCount {code: "370214@2026-11", county, by: "MONTH", period: "2026-11", takenIn, online, …, verySatisfied})

Each count belongs to a day in China (UTC+8), and with it to a month and a year. COUNTERS are added up in the
transaction that moves the journal's cursor, so each record counts once, and a replay gives the same numbers whatever
its batches were. CLOCK_COUNTERS depend on the working days, too: they follow from the clocks that have ended.

    takenIn, and by mode             an APPLICATION, for the intake county
    takenInForOthers, …ByOthers      the same where intake and handling are two counties, for either
    handledForOthers                 a CONCLUSION where they are two, for the county that states it
    …Ended, …OnTime, daysSaved       a phase's clock, for its county, on the day of its last turn
    materialsSpared                  a license that a case uses for the first time, for the county that names it
    verifiedOfOthers, …ByOthers      a license in an access record of another county, for the reader and the issuer
    objectionsOpened, …Decided       an objection, and its end of whatever kind, for the county that answers it
    verySatisfied … veryDissatisfied an EVALUATION, for each county of the case
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ledger.cases import CaseMode, StepKind
from ledger.clocks import Clock, Lamp, read_limit
from ledger.closed import COUNTY
from ledger.errors import TongbanError
from ledger.identifiers import LicenseIdentifier
from ledger.workdays import WorkingCalendar, china_day

if TYPE_CHECKING:
    from hub.journal.casesteps import CaseStepRecord
    from hub.journal.objections import ObjectionRecord
    from ledger.casework import Case
    from schema.context import Access

__all__ = ["CLOCK_COUNTERS", "COUNTERS", "CountRow", "Tally", "calendar_digest", "clock_counts"]

CountRow: TypeAlias = dict[str, Any]

CLOCK_COUNTERS: Final = (
    "intakeEnded", "intakeOnTime", "handlingEnded", "handlingOnTime", "pickUpEnded", "pickUpOnTime",
    "daysSaved", "daysOver",
)  # fmt: skip
"""Of clocks that have ended. daysSaved: working days below a promise, daysOver: beyond it; both are sums."""

COUNTERS: Final = (
    "takenIn", "takenInForOthers", "takenInByOthers", "online", "proxyIntake", "joint", "delegated", "handledForOthers",
    *CLOCK_COUNTERS,
    "materialsSpared", "verifiedOfOthers", "verifiedByOthers", "objectionsOpened", "objectionsDecided",
    "verySatisfied", "satisfied", "fairlySatisfied", "dissatisfied", "veryDissatisfied",
)  # fmt: skip
"""All counters of a `PeriodCount`, by their names in the graph."""

_MODES: Final[Mapping[CaseMode, str]] = {
    CaseMode.ONLINE: "online",
    CaseMode.PROXY_INTAKE: "proxyIntake",
    CaseMode.JOINT: "joint",
    CaseMode.DELEGATED: "delegated",
}
_PARTIES: Final[Mapping[str, str]] = {
    "INTAKE": "intake",
    "ACCEPTANCE": "handling",
    "HANDLING": "handling",
    "PRODUCTION": "handling",
    "DELIVERY": "pickUp",
}
"""Phase -> whose work it is; a node of a project lies within HANDLING, and is not counted again."""

_RATINGS: Final = ("verySatisfied", "satisfied", "fairlySatisfied", "dissatisfied", "veryDissatisfied")
_ISSUERS: Final = 8_192
_PERIODS: Final = {"DAY": 10, "MONTH": 7, "YEAR": 4}  # characters of YYYY-MM-DD


class Tally:
    """Counts of consecutive records.

    used: case number -> licenses that it used before these records; of cases that name some in them.
    """

    def __init__(self, calendar: WorkingCalendar, used: Mapping[str, Iterable[str]] | None = None) -> None:
        self._calendar: Final = calendar
        self._used: Final = defaultdict[str, set[str]](set)
        for number, licenses in (used or {}).items():
            self._used[number].update(licenses)
        self._counted: Final = defaultdict[tuple[str, date], Counter[str]](Counter)

    def add(self, county: str, day: date, name: str, count: int = 1) -> None:
        """Count something for a county on a day."""
        self._counted[county, day][name] += count

    def step(self, before: Case | None, after: Case, record: CaseStepRecord) -> None:
        """Count what a step did, by the case before and after it."""
        day, county = china_day(after.at), record.iss
        if before is None:
            self._opened(after, day)
        elif record.step.kind is StepKind.CONCLUSION and after.taken_in_by != after.handled_by:
            self.add(county, day, "handledForOthers")
        if (rating := record.step.rating) is not None:
            for party in sorted(set(after.counties)):
                self.add(party, day, _RATINGS[rating - 1])
        if record.step.kind is not StepKind.PRODUCTION:
            new = set(record.licenses) - self._used[after.number]
            self._used[after.number] |= new
            self.add(county, day, "materialsSpared", len(new))
        ended = {clock.code for clock in before.clocks if clock.ended} if before else set()
        for clock in after.clocks:
            if clock.ended and clock.code not in ended:
                self.clock(clock)

    def _opened(self, case: Case, day: date) -> None:
        self.add(case.taken_in_by, day, "takenIn")
        self.add(case.taken_in_by, day, _MODES[case.mode])
        if case.taken_in_by != case.handled_by:
            self.add(case.taken_in_by, day, "takenInForOthers")
            self.add(case.handled_by, day, "takenInByOthers")

    def clock(self, clock: Clock) -> None:
        """Count a clock that has ended."""
        for name, count in clock_counts(clock, self._calendar):
            self.add(clock.county, china_day(clock.spans[-1]), name, count)

    def access(self, access: Access) -> None:
        """Count the licenses of other counties that one access record shows; a license names its issuer's county."""
        if not COUNTY.fullmatch(access.county):
            return
        day = china_day(access.time)
        for issuer in filter(None, map(_issuing_county, access.licenses)):
            if issuer != access.county:
                self.add(access.county, day, "verifiedOfOthers")
                self.add(issuer, day, "verifiedByOthers")

    def objection(self, record: ObjectionRecord, answered_by: str) -> None:
        """Count an objection that is raised, or one that ends, for the county that answers it."""
        name = "objectionsOpened" if record.outcome is None else "objectionsDecided"
        self.add(answered_by, china_day(record.iat), name)

    def rows(self) -> list[CountRow]:
        """Give one row a county and period that something was counted in, by code; every counter stands in it."""
        periods = defaultdict[tuple[str, str, str], Counter[str]](Counter)
        for (county, day), counted in self._counted.items():
            for by, size in _PERIODS.items():
                periods[county, by, day.isoformat()[:size]].update(counted)
        found = [_row(*place, counted) for place, counted in periods.items() if any(counted.values())]
        return sorted(found, key=lambda row: str(row["code"]))


def _row(county: str, by: str, period: str, counted: Counter[str]) -> CountRow:
    place = {"code": f"{county}@{period}", "county": county, "by": by, "period": period}
    return place | {name: counted[name] for name in COUNTERS}


@lru_cache(maxsize=_ISSUERS)
def _issuing_county(name: str) -> str | None:
    """Give the county of a license's issuing authority; None for the number of a case, which has no dot.

    Remembered: a license that was looked up is looked up again, and its check characters take longer than the counting.
    """
    if "." not in name:
        return None
    try:
        return LicenseIdentifier.parse(name).division
    except TongbanError:
        return None


def clock_counts(clock: Clock, calendar: WorkingCalendar) -> Iterator[tuple[str, int]]:
    """Give what a clock that has ended counts for: in time is what its lamp shows, by the promise if there is one."""
    party = _PARTIES.get(clock.code)
    limit = clock.limits.statutory if clock.limits.promised is None else clock.limits.promised
    if party is None or limit is None:
        return
    reading = read_limit(limit, clock.spans, clock.spans[-1], calendar, ended=True)
    yield f"{party}Ended", 1
    yield f"{party}OnTime", int(reading.lamp is Lamp.BLUE)
    if clock.limits.promised is not None:
        yield "daysSaved", max(reading.left, 0)
        yield "daysOver", max(-reading.left, 0)


def calendar_digest(calendar: WorkingCalendar) -> str:
    """Give a text that changes with the days that a calendar knows."""
    known = (calendar.off, calendar.extra, calendar.first, calendar.last)
    return sha256(repr(known).encode("ascii")).hexdigest()
