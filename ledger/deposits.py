"""Deposits: status changes that a county leaves with auditors, so that a log which hides one loses its cosignatures.

    POST <auditor's prefix>/deposit        body: a status entry, byte for byte what the log should take

    202 {"leaf":"<b64u>","deposited_at":1780300800,"deadline":1780301100}
    200 {"index":812}                      the log holds it already

**The rule**: an auditor cosigns no checkpoint when an entry that was deposited with it more than `deposit_s` seconds
(300, a rule in the key state) ago is not in the tree, unless the log's state has made it impossible meanwhile: the
license is revoked already, say, or the key that signed it. How old the entry's `iat` has become frees nobody: who hides
a revocation for a day has hidden it for a day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ledger.admission import Window, check_entry, check_rules
from ledger.closed import county_of
from ledger.encoding import JsonValue, b64u_encode
from ledger.entries import StatusChange, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError

if TYPE_CHECKING:
    from ledger.transparency.replay import Replay

__all__ = ["MAX_PENDING", "Deposit", "DepositLeftOutError", "check_deposit", "parse_deposit", "settle_deposits"]

MAX_PENDING: Final = 100
"""Deposits of one county that an auditor watches at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """A status entry that was left with an auditor, exact bytes, at a time by its clock, POSIX seconds."""

    raw: bytes
    deposited_at: int

    @property
    def entry(self) -> StatusChange:
        """The entry. Raises as parse_deposit."""
        return parse_deposit(self.raw)

    def to_json(self, deposit_s: int) -> dict[str, JsonValue]:
        """Write the answer of 202. deposit_s: the rule in force."""
        deadline = self.deposited_at + deposit_s
        return {"leaf": b64u_encode(self.entry.leaf), "deposited_at": self.deposited_at, "deadline": deadline}


class DepositLeftOutError(NotVerified):
    """A deposit's time is over and the tree does not hold it: `deposit_left_out`, index: of the seal that it names."""

    def __init__(self, deposit: Deposit) -> None:
        entry = deposit.entry
        county, leaf = county_of(entry.signatures[0].kid), b64u_encode(entry.leaf)
        super().__init__(
            "deposit_left_out",
            f"status entry {leaf} of {county} about the seal at {entry.of}, deposited at {deposit.deposited_at}, is not"
            " in the tree",
            index=entry.of,
        )
        self.leaf: Final = entry.leaf


def parse_deposit(raw: bytes) -> StatusChange:
    """Read a status entry. Raises as parse_entry, and Malformed unknown_typ for an entry of another type."""
    entry = parse_entry(raw)
    if not isinstance(entry, StatusChange):
        raise Malformed("unknown_typ", "only status entries are deposited")
    return entry


def check_deposit(entry: StatusChange, replay: Replay, now: int | None) -> None:
    """Check that a status entry could be the next one of the log, as far as it is replayed.

    now: POSIX seconds; None whatever its date. Raises NotVerified, Conflict, Refused as ledger.admission.check_entry.
    """
    check_entry(entry, state=replay.keys, rules=replay.rules, view=replay, index=replay.size, window=Window(now=now))


def settle_deposits(
    deposits: Iterable[Deposit], replay: Replay, *, logged: Collection[bytes], now: int
) -> tuple[bytes, ...]:
    """Judge a log that stands at `replay`, at `now`, by what was deposited; give the leaf hashes that are settled.

    logged: statement hashes of those deposits that the log holds. Settled are these, those that say nothing new of
    their license or come after its end, and at their deadline those that have become impossible in another way. Raises
    DepositLeftOutError for the oldest one that is due and could be logged.
    """
    settled: list[bytes] = []
    for deposit in sorted(deposits, key=lambda each: each.deposited_at):
        entry = deposit.entry
        if entry.statement in logged or _is_moot(entry, replay):
            settled.append(entry.leaf)
        elif now > deposit.deposited_at + replay.rules.rule("deposit_s"):
            if _is_possible(entry, replay):
                raise DepositLeftOutError(deposit)
            settled.append(entry.leaf)
    return tuple(settled)


def _is_moot(entry: StatusChange, replay: Replay) -> bool:
    """Tell whether the license has the status already, or one for good.

    Such a deposit is given up at once. At its deadline the county may have changed the status back, and no honest log
    could take the old entry any more.
    """
    try:
        check_rules(entry, state=replay.keys, view=replay, index=replay.size)
    except Conflict as error:
        return error.code in {"same_status", "final_status"}
    except TongbanError:
        return False
    return False


def _is_possible(entry: StatusChange, replay: Replay) -> bool:
    try:
        check_deposit(entry, replay, None)
    except TongbanError:
        return False
    return True
