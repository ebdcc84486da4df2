"""Cases whose every step is signed before a round, so that a kill may come between any two of them.

    offering of the outbox county  ->  cases taken in and handed out by two others, 16 steps each, no license in them

The steps of a case follow one another by leaf hash: one that was lost, or is there twice, would end its case.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from hub.county.node import CountyNode
from hub.journal.offerings import build_offering
from ledger.workdays import china_day
from tests.casefile import CHENGYANG, WHOLE, CaseFile, case_number
from tests.offerings import offering

__all__ = ["Casework"]

_PICK_UP, _INTAKE, _MATTER = "130283", "320583", "000101005000"


class Casework:
    """All cases of a world. steps: every step that was ever signed. open: what each case still has before it."""

    def __init__(self, nodes: Mapping[str, CountyNode]) -> None:
        self._nodes: Final = nodes
        self.steps: Final[set[bytes]] = set()
        self.open: Final[list[deque[bytes]]] = []
        self._offered: str | None = None
        self._count: int = 0

    def offer(self, now: int) -> bytes | None:
        """Sign the offering that all cases are pinned to, in force from today on; None: that was done."""
        if self._offered is not None:
            return None
        day = china_day(now)
        self._offered = f"{_MATTER}@{CHENGYANG}@{day:%Y%m%d}"
        claims = offering(matter=_MATTER, planEffectiveDate=day.isoformat())
        key = self._nodes[CHENGYANG].keys.key("journal")
        return build_offering(claims, iat=now, kid=key.kid, signer=key.signer)

    def sign(self, count: int, now: int) -> None:
        """Sign so many more cases, from the application to the evaluation."""
        for _ in range(count):
            self._count += 1
            raws = self._signed(case_number(self._count, f"{china_day(now):%Y%m%d}", _MATTER), now)
            self.steps.update(raws)
            self.open.append(deque(raws))

    def _signed(self, number: str, now: int) -> list[bytes]:
        keys = {county: node.keys.key("journal") for county, node in self._nodes.items()}
        case = CaseFile(
            number=number, matter=_MATTER, intake=_INTAKE, pick_up=_PICK_UP, offering=self._offered or "",
            keys={county: (key.kid, key.signer) for county, key in keys.items()},
        )  # fmt: skip
        by = {"intake": _INTAKE, "handling": CHENGYANG, "pick_up": _PICK_UP}
        case.apply(at=now, tolerated=[{"material": "M03", "days": 5}])
        for step, outcome, county, own in WHOLE:
            case.add(step, by[county], at=now, outcome=outcome, **own)
        return case.raws

    def drop(self, sent: Iterable[bytes]) -> None:
        """Leave only what was never sent; a case that has come to its end is closed."""
        known = set(sent)
        left = [deque(raw for raw in case if raw not in known) for case in self.open]
        self.open[:] = [case for case in left if case]
