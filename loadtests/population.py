"""Who is looked up: the holders of sample feeds, the same for the same seed, each with the licenses that must be found.

population = Population.of(["370214", "320583"], licenses=400, as_of=date(2026, 6, 1))
holder = population.holders[0]
holder.variables()       # for operations/licenses.graphql
holder.identifiers       # what the answer must hold, in its order
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from hub.county.licenses import LicenseRecord
from hub.ingest.feeds import RawRow
from hub.ingest.generate import FeedPlan, feed_lines, feed_rows
from hub.ingest.normalise import Normaliser

__all__ = ["USE_CAUSE", "Holder", "Population", "read_holders", "records_of", "write_feed"]

USE_CAUSE: Final = "load test: look-up at the counter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One holder, the identifiers of its licenses in ascending order, and the consent by which they are read."""

    type_code: str
    code: str
    identifiers: tuple[str, ...]
    consent: str = ""

    def variables(self) -> dict[str, object]:
        """Give the variables of a look-up."""
        holder = {"certificateHolderTypeCode": self.type_code, "certificateHolderCode": self.code}
        return {"holder": holder, "useCause": USE_CAUSE, "basis": self.basis()}

    def basis(self) -> dict[str, str]:
        """Give the basis of a reading."""
        return {"consent": self.consent}


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The holders of one feed a county. plans: what to ingest so that every look-up is answered."""

    plans: tuple[FeedPlan, ...]
    holders: tuple[Holder, ...]

    @classmethod
    def of(cls, counties: Sequence[str], *, licenses: int, as_of: date, seed: int = 1) -> Population:
        """Make feeds of `licenses` rows for each county, and gather their holders in a seeded order."""
        plans = tuple(FeedPlan(county=county, count=licenses, as_of=as_of, seed=seed) for county in counties)
        found: dict[tuple[str, str], list[str]] = {}
        for plan in plans:
            for row in feed_rows(plan):
                found.setdefault((row["CZZTDMLXDM"], row["CZZTDM"]), []).append(row["ZZBS"])
        holders = [
            Holder(type_code=type_code, code=code, identifiers=tuple(sorted(identifiers)))
            for (type_code, code), identifiers in found.items()
        ]
        random.Random(seed).shuffle(holders)
        return cls(plans=plans, holders=tuple(holders))


def read_holders(path: Path) -> tuple[Holder, ...]:
    """Read the holders of a real alliance's test data, one JSON object a line.

        {"certificateHolderTypeCode":"001","certificateHolderCode":"9237…","identifiers":["1.2.156.…","1.2.156.…"],
         "consent":"<id of a consent for the asking county>"}

    Raises ValueError for a line that is not of this form.
    """
    holders = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        match json.loads(line):
            case {
                "certificateHolderTypeCode": str(type_code),
                "certificateHolderCode": str(code),
                "identifiers": [str(), *_] as identifiers,
                "consent": str(consent),
            }:
                names = tuple(sorted(identifiers))
                holders.append(Holder(type_code=type_code, code=code, identifiers=names, consent=consent))
            case _:
                raise ValueError(f"line {number}: expected a holder with its licenses")
    return tuple(holders)


def records_of(plan: FeedPlan, normaliser: Normaliser) -> Iterable[LicenseRecord]:
    """Give a feed's rows as checked license records, without a file between; a sample row is never rejected."""
    for number, row in enumerate(feed_rows(plan), start=2):
        record = normaliser.record(RawRow(number, row))
        if not isinstance(record, LicenseRecord):
            raise TypeError(f"sample row {number} was rejected: {record.reason}")
        yield record


def write_feed(plan: FeedPlan, path: Path) -> Path:
    """Write a feed as CSV and give its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(feed_lines(plan))
    return path
