"""County feeds: read, normalise, seal, report.

    report = ingest_feed(feed, node, normaliser, rejects=path, clock=clock, on_rows=progress.advance)

Every row is sealed, was sealed before, or stands in the reject file with its line, code and reason: the three counts
add up to the rows of the feed. A feed can be run again at any time, also after a kill in the middle: what is stored
with the same content is not sealed again, and the reject file is written anew.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from hub.county.licenses import LicenseRecord
from hub.county.node import CountyNode
from hub.ingest.feeds import BadRow, Feed, RawRow
from hub.ingest.normalise import Normaliser, Reject
from ledger.errors import TongbanError

__all__ = ["BATCH_ROWS", "IngestReport", "ingest_feed"]

BATCH_ROWS: Final = 500
_REJECT_HEADER: Final = ("line", "code", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What became of a feed's rows. rejects: count by stable code."""

    rows: int
    sealed: int
    already: int
    rejects: dict[str, int]

    @property
    def rejected(self) -> int:
        """Rows that were not taken in; their lines stand in the reject file."""
        return sum(self.rejects.values())


def ingest_feed(
    feed: Feed,
    node: CountyNode,
    normaliser: Normaliser,
    *,
    rejects: Path,
    clock: Callable[[], int],
    on_rows: Callable[[int], None] = lambda _count: None,
) -> IngestReport:
    """Take a feed in, batch by batch, each one transaction of the county's record store.

    rejects: file for the rejected lines, CSV `line,code,reason`; removed when there are none. on_rows: told the number
    of rows of each finished batch. Raises Malformed bad_file (header), Unavailable store_stopped.
    """
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    batches = _batches(feed.rows())
    first = next(batches, [])  # a header that does not fit is refused before any file is touched
    with rejects.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_REJECT_HEADER)
        for batch in chain([first], batches):
            for outcome in _take(batch, node, normaliser, clock()):
                if isinstance(outcome, Reject):
                    writer.writerow((outcome.line, outcome.code, outcome.reason))
                    refused[outcome.code] += 1
                else:
                    counts[outcome] += 1
            on_rows(len(batch))
    if not refused:
        rejects.unlink()
    rows = counts.total() + refused.total()
    return IngestReport(rows=rows, sealed=counts["sealed"], already=counts["already"], rejects=dict(refused))


def _batches(rows: Iterator[RawRow | BadRow]) -> Iterator[list[RawRow | BadRow]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _take(batch: list[RawRow | BadRow], node: CountyNode, normaliser: Normaliser, now: int) -> Iterator[Reject | str]:
    checked = [(row.line, normaliser.record(row)) for row in batch]
    sealed = iter(node.seal_many([each for _, each in checked if isinstance(each, LicenseRecord)], now))
    for line, each in checked:
        outcome = each if isinstance(each, Reject) else next(sealed)
        if isinstance(outcome, Reject):
            yield outcome
        elif isinstance(outcome, TongbanError):
            yield Reject(line, outcome.code, outcome.message)
        else:
            yield "sealed" if outcome.fresh else "already"
