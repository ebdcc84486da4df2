"""What the users saw, second by second and stage by stage: the figures behind the verdicts.

An answer is *good* when its content was checked and is right, *away* when the hub said that it has too much to do (429
or 503), *partial* when what is there is right and every missing part has a code that says why (a county that was late),
*wrong* in every other case: a status, a time-out, a broken connection, a wrong content.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

__all__ = ["Answer", "Second", "StageTally", "Tally", "percentile"]

Answer = Literal["good", "away", "partial", "wrong"]
_FAULTS: Final = 20


@dataclass(slots=True)
class Second:
    """One second of a stage. waits: of good answers, whole milliseconds."""

    good: int = 0
    away: int = 0
    partial: int = 0
    wrong: int = 0
    waits: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTally:
    """A stage's sums. seconds: in which answers came. p50, p99: waits of good answers, ms; None: there was none."""

    stage: str
    seconds: int
    good: int
    away: int
    partial: int
    wrong: int
    p50: int | None
    p95: int | None
    p99: int | None

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return self.good / self.seconds if self.seconds else 0.0


class Tally:
    """Counts answers by stage and second of the stage, from 0: an answer belongs to the stage in which it came."""

    def __init__(self) -> None:
        self._seconds: Final[dict[str, dict[int, Second]]] = defaultdict(dict)
        self.faults: Final[Counter[str]] = Counter()
        self._operations: Final[dict[str, Counter[int]]] = defaultdict(Counter)

    def count(self, stage: str, at: float, operation: str, answer: Answer, wait_ms: float, fault: str = "") -> None:
        """Count one answer that came `at` seconds into a stage, after a wait. fault: why it is wrong or partial."""
        second = self._seconds[stage].setdefault(int(at), Second())
        if answer == "good":
            second.good += 1
            second.waits[round(wait_ms)] += 1
            self._operations[operation][round(wait_ms)] += 1
        elif answer == "away":
            second.away += 1
        else:
            second.partial += answer == "partial"
            second.wrong += answer == "wrong"
            named = f"{operation}: {fault}"
            if len(self.faults) < _FAULTS or named in self.faults:
                self.faults[named] += 1

    def stage(self, name: str) -> StageTally:
        """Sum a stage."""
        rows = list(self._seconds[name].values())
        waits = _sum(each.waits for each in rows)
        return StageTally(
            stage=name,
            seconds=len(rows),
            good=sum(each.good for each in rows),
            away=sum(each.away for each in rows),
            partial=sum(each.partial for each in rows),
            wrong=sum(each.wrong for each in rows),
            p50=percentile(waits, 0.5),
            p95=percentile(waits, 0.95),
            p99=percentile(waits, 0.99),
        )

    def document(self) -> dict[str, Any]:
        """Give all of it as JSON values; `read` takes it again."""
        rows = [
            {
                "stage": stage, "second": number, "good": each.good, "away": each.away, "partial": each.partial,
                "wrong": each.wrong, "waits": sorted(each.waits.items()),
            }
            for stage, seconds in self._seconds.items()
            for number, each in sorted(seconds.items())
        ]  # fmt: skip
        operations = {
            name: {"good": waits.total(), "p50": percentile(waits, 0.5), "p99": percentile(waits, 0.99)}
            for name, waits in sorted(self._operations.items())
        }
        return {"seconds": rows, "operations": operations, "faults": dict(self.faults)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Tally:
        """Read what `document` gave; the operations stay in the document."""
        tally = cls()
        for row in document["seconds"]:
            waits = Counter({int(wait): int(count) for wait, count in row["waits"]})
            tally._seconds[row["stage"]][row["second"]] = Second(
                row["good"], row["away"], row["partial"], row["wrong"], waits
            )
        tally.faults.update(document["faults"])
        return tally

    def seconds_to(self, stage: str, p99_ms: float, *, window: int = 5) -> float | None:
        """Tell from which second of a stage on the p99 of `window` seconds is at most `p99_ms`, and all are answered.

        None: it never was.
        """
        rows = [each for _, each in sorted(self._seconds[stage].items())]
        for start in range(len(rows) - window + 1):
            part = rows[start : start + window]
            p99 = percentile(_sum(each.waits for each in part), 0.99)
            if p99 is not None and p99 <= p99_ms and not any(each.away or each.partial or each.wrong for each in part):
                return float(start)
        return None


def _sum(counters: Iterable[Counter[int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for each in counters:
        total.update(each)
    return total


def percentile(waits: Mapping[int, int], part: float) -> int | None:
    """Give the least wait that at least `part` (0..1) of all waits do not exceed; None of none."""
    left = part * sum(waits.values())
    ordered: Sequence[tuple[int, int]] = sorted(waits.items())
    for wait, count in ordered:
        left -= count
        if left <= 0:
            return wait
    return None
