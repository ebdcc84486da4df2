"""The write load of one round: what member counties and their partner systems do all day, at once, until told to stop.

    bundles     seals of one county straight to the hub, many a request; now and then one of them again
    singles     the same, one a request
    records     journal records of the seals that were answered
    cases       the steps of several cases in turn, one a request, each when the one before it was answered
    changes     status entries of the seals that were answered
    outbox      seals and status entries through the real outbox of another county's node
    look-ups    reads of a partner system, each leaving an access record; each with a use cause of its own
    watch       the published checkpoint, as anyone may fetch it

One thread each. A round's load is bounded by the licenses that were prepared for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Self, TypeAlias

import httpx2

from hub.county.licenses import LicenseRecord
from hub.county.node import CountyNode
from hub.county.outcomes import Sealed
from hub.county.sealing import SealedLicense, Sealer
from ledger.errors import TongbanError
from ledger.status import Status
from tests.kill.account import Account, Told
from tests.kill.caller import Caller, UnexpectedAnswerError

__all__ = ["Load", "Prepared", "Supply"]

_ALIVE_S: Final = 60.0
_REASONS: Final = {Status.SUSPENDED: "02", Status.REVOKED: "04"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A license that is sealed and not yet sent."""

    license: LicenseRecord
    sealed: SealedLicense


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What one round's load works with.

    direct: licenses for the hub itself. sealer: of their county. through_outbox: licenses for `node`, whose process
    delivers them. logged: identifiers whose seals that node knows to be logged, to be suspended. token: with scope
    license.read.own. name: of the round; it begins every use cause. cases: the steps of each that come next.
    """

    name: str
    url: str
    token: str
    sealer: Sealer
    direct: Sequence[Prepared]
    node: CountyNode
    through_outbox: Sequence[LicenseRecord]
    logged: Sequence[str]
    cases: Sequence[Sequence[bytes]]


_Work: TypeAlias = Callable[[Caller, Random], None]


class Load:
    """Runs the writers while the block runs; `account` is complete when the block has ended."""

    def __init__(self, supply: Supply, seed: int) -> None:
        self.account: Final = Account()
        self.hub_may_fail: Final = threading.Event()  # set just before the hub is killed
        self._supply: Final = supply
        self._stop: Final = threading.Event()
        self._waiting: Final = deque(supply.direct)
        self._for_records: Final[deque[Prepared]] = deque()
        self._for_changes: Final[deque[tuple[Prepared, Told]]] = deque()
        self._known: Final[list[LicenseRecord]] = []
        works: tuple[_Work, ...] = (
            self._bundles, self._singles, self._records, self._cases, self._changes, self._outbox, self._look_ups,
            self._watch,
        )  # fmt: skip
        self._threads: Final = [
            threading.Thread(target=self._guarded, args=(work, Random(f"{seed}/{work.__name__}"))) for work in works
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(_ALIVE_S)
        self.account.faults += [f"{thread.name} does not end" for thread in self._threads if thread.is_alive()]

    def _guarded(self, work: _Work, chance: Random) -> None:
        """Run one writer. Without an answer it ends: a crashed hub is not asked again before the check."""
        try:
            with Caller(self._supply.url, self._supply.token) as caller:
                work(caller, chance)
        except httpx2.HTTPError as error:
            if not self.hub_may_fail.is_set():
                self.account.faults.append(f"{work.__name__}: no answer from a running hub: {error!r}")
        except (UnexpectedAnswerError, TongbanError) as error:
            self.account.faults.append(f"{work.__name__}: {error!r}")

    def _pause(self, chance: Random, longest_s: float) -> None:
        self._stop.wait(chance.uniform(0.0, longest_s))

    def _take(self, count: int) -> list[Prepared]:
        taken: list[Prepared] = []
        while self._waiting and len(taken) < count:
            try:
                taken.append(self._waiting.popleft())
            except IndexError:  # the other thread was faster
                break
        return taken

    def _bundles(self, caller: Caller, chance: Random) -> None:
        while not self._stop.is_set() and (taken := self._take(chance.randint(2, 12))):
            self._send(caller, taken, chance)
            self._pause(chance, 0.05)

    def _singles(self, caller: Caller, chance: Random) -> None:
        while not self._stop.is_set() and (taken := self._take(1)):
            self._send(caller, taken, chance)
            self._pause(chance, 0.02)

    def _send(self, caller: Caller, taken: Sequence[Prepared], chance: Random) -> None:
        """Send new seals, and with a few of them one that was answered before."""
        account = self.account
        answered = [raw for raw, told in list(account.entries.items()) if told is not None]
        again = chance.sample(answered, 1) if answered and chance.random() < 0.2 else []
        fresh = [each.sealed.entry for each in taken]
        account.entries.update(dict.fromkeys(fresh))
        told = caller.submit([*fresh, *again])
        for each, answer in zip(taken, told, strict=False):  # the repeated one stands behind them
            account.entries[each.sealed.entry] = answer
            self._for_records.append(each)
            self._known.append(each.license)
            if chance.random() < 0.3:
                self._for_changes.append((each, answer))
        for raw in again:
            self._compare(account.entries[raw], told[-1])

    def _compare(self, first: Told | None, later: Told) -> None:
        if first is not None and (first.index, first.evidence or later.evidence) != (later.index, later.evidence):
            self.account.faults.append(f"entry {first.index}: the repetition got another answer ({later.index})")

    def _records(self, caller: Caller, chance: Random) -> None:
        while not self._stop.is_set():
            count = min(len(self._for_records), chance.randint(1, 20))
            records = [self._for_records.popleft().sealed.journal for _ in range(count)]
            if records:
                self.account.records.update(dict.fromkeys(records))
                self.account.records.update(zip(records, caller.state(records), strict=True))
            self._pause(chance, 0.05)

    def _cases(self, caller: Caller, chance: Random) -> None:
        waiting = [deque(case) for case in self._supply.cases]
        while not self._stop.is_set() and (unfinished := [case for case in waiting if case]):
            raw = chance.choice(unfinished).popleft()
            self.account.records[raw] = None
            (self.account.records[raw],) = caller.state([raw])
            self._pause(chance, 0.02)

    def _changes(self, caller: Caller, chance: Random) -> None:
        while not self._stop.is_set():
            if self._for_changes:
                each, told = self._for_changes.popleft()
                to = chance.choice(list(_REASONS))
                raw = self._supply.sealer.status(
                    of=told.index, leaf=each.sealed.leaf, to=to, reason=_REASONS[to], now=int(time.time())
                )
                self.account.entries[raw] = None
                (self.account.entries[raw],) = caller.submit([raw])
            self._pause(chance, 0.05)

    def _outbox(self, _: Caller, chance: Random) -> None:
        waiting, logged = deque(self._supply.through_outbox), deque(self._supply.logged)
        while not self._stop.is_set() and waiting:
            taken = [waiting.popleft() for _ in range(min(len(waiting), chance.randint(1, 10)))]
            for outcome in self._supply.node.seal_many(taken, int(time.time())):
                if isinstance(outcome, Sealed):
                    self.account.outbox[outcome.leaf] = outcome.identifier
                else:
                    raise outcome
            if logged:
                identifier = logged.popleft()
                leaf = self._supply.node.change_status(identifier, Status.SUSPENDED, "02", int(time.time()))
                self.account.outbox[leaf] = identifier
            self._pause(chance, 0.2)

    def _look_ups(self, caller: Caller, chance: Random) -> None:
        number = 0
        while not self._stop.is_set():
            if self._known:
                number += 1
                cause = f"{self._supply.name} look-up {number}"
                self.account.looks[cause] = False
                wanted = chance.choice(self._known)
                answered = caller.look_up(wanted, cause, by_holder=chance.random() < 0.5)
                self.account.looks[cause] = answered
                self._pause(chance, 0.0 if answered else 0.3)  # the graph is away: people try again later
            self._pause(chance, 0.03)

    def _watch(self, caller: Caller, chance: Random) -> None:
        while not self._stop.is_set():
            self.account.saw(caller.checkpoint())
            self._pause(chance, 0.02)
