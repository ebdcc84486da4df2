"""Statistics counted the slow way: from all journal records at once, case by case, day by day.

    slow_counts(records, calendar)      {"370214@2026-06": {"takenIn": 3, "takenInForOthers": 1, …}, …}

Written after the words of `hub/graph/README.md`, not after its code; what is zero is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from hub.journal.casesteps import CaseStepRecord
from hub.journal.objections import ObjectionEvent, ObjectionRecord
from hub.journal.records import parse_record
from ledger.cases import StepKind
from ledger.casework import Case, take
from ledger.clocks import Clock
from ledger.identifiers import LicenseIdentifier
from ledger.workdays import WorkingCalendar, china_day
from schema.context import Access

__all__ = ["slow_counts"]

Event = tuple[str, date, str, int]

_PARTY: Final = dict(
    zip(
        ("INTAKE", "ACCEPTANCE", "HANDLING", "PRODUCTION", "DELIVERY"),
        ("intake", "handling", "handling", "handling", "pickUp"),
        strict=True,
    )
)
_MODE: Final = {"ONLINE": "online", "PROXY_INTAKE": "proxyIntake", "JOINT": "joint", "DELEGATED": "delegated"}
_RATING: Final = [None, "verySatisfied", "satisfied", "fairlySatisfied", "dissatisfied", "veryDissatisfied"]


def slow_counts(records: Sequence[bytes], calendar: WorkingCalendar) -> dict[str, dict[str, int]]:
    """Count everything that the records say, by county and day, month, year."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for county, day, name, count in _events(records, calendar):
        for period in (f"{day:%Y-%m-%d}", f"{day:%Y-%m}", f"{day:%Y}"):
            found[f"{county}@{period}"][name] += count
    kept = {code: {name: count for name, count in counted.items() if count} for code, counted in found.items()}
    return {code: counted for code, counted in kept.items() if counted}


def _events(records: Sequence[bytes], calendar: WorkingCalendar) -> Iterator[Event]:
    steps: defaultdict[str, list[CaseStepRecord]] = defaultdict(list)
    raised: dict[str, str] = {}
    for record in map(parse_record, records):
        if isinstance(record, CaseStepRecord):
            steps[record.step.number].append(record)
        elif isinstance(record, Access):
            yield from _of_access(record)
        elif isinstance(record, ObjectionRecord) and record.event is ObjectionEvent.RAISED:
            raised[record.identifier] = str(record.answered_by)
            yield raised[record.identifier], china_day(record.iat), "objectionsOpened", 1
        elif isinstance(record, ObjectionRecord):
            yield raised[record.identifier], china_day(record.iat), "objectionsDecided", 1
    for taken in steps.values():
        yield from _of_case(taken, calendar)


def _of_access(access: Access) -> Iterator[Event]:
    for name in access.licenses:
        issuer = LicenseIdentifier.parse(name).division if name.count(".") > 5 else access.county
        if issuer != access.county:
            yield access.county, china_day(access.time), "verifiedOfOthers", 1
            yield issuer, china_day(access.time), "verifiedByOthers", 1


def _of_case(taken: list[CaseStepRecord], calendar: WorkingCalendar) -> Iterator[Event]:
    case: Case | None = None
    used: list[str] = []
    for record in taken:
        case = take(case, record.step)
        yield from _of_step(record, case, used)
    assert case is not None
    for clock in case.clocks:
        if clock.ended and clock.code in _PARTY:
            yield from _of_clock(clock, calendar)


def _of_step(record: CaseStepRecord, case: Case, used: list[str]) -> Iterator[Event]:
    day, for_others = china_day(case.at), case.taken_in_by != case.handled_by
    if record.step.kind is StepKind.APPLICATION:
        yield record.iss, day, "takenIn", 1
        yield record.iss, day, _MODE[case.mode.value], 1
        if for_others:
            yield record.iss, day, "takenInForOthers", 1
            yield case.handled_by, day, "takenInByOthers", 1
    if record.step.kind is StepKind.CONCLUSION and for_others:
        yield record.iss, day, "handledForOthers", 1
    if record.step.rating:
        yield from ((county, day, str(_RATING[record.step.rating]), 1) for county in {*case.counties})
    if record.step.kind is not StepKind.PRODUCTION:
        for license_ in record.licenses:
            if license_ not in used:
                used.append(license_)
                yield record.iss, day, "materialsSpared", 1


def _of_clock(clock: Clock, calendar: WorkingCalendar) -> Iterator[Event]:
    promised, statutory = clock.limits.promised, clock.limits.statutory
    limit = statutory if promised is None else promised
    assert limit is not None
    left = limit - sum(_worked(*span, calendar) for span in zip(clock.spans[::2], clock.spans[1::2], strict=True))
    day, party = china_day(clock.spans[-1]), _PARTY[clock.code]
    yield clock.county, day, f"{party}Ended", 1
    yield clock.county, day, f"{party}OnTime", int(left >= 0)
    if promised is not None:
        yield clock.county, day, "daysSaved" if left > 0 else "daysOver", abs(left)


def _worked(start: int, stop: int, calendar: WorkingCalendar) -> int:
    """Walk from the day after the start to the day of the stop, and count those that are worked."""
    day, last, count = china_day(start), china_day(stop), 0
    while day < last:
        day += timedelta(days=1)
        count += calendar.is_working(day)
    return count
