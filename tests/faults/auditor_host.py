"""An auditor that crashes and comes back: the real one, over its real mirror and its real file.

SqliteAuditStore     a file that survives; each call over the port is a fail point, not done or done and not reported:
the write fails and the process goes on, or the process ends there
ServedEntries        the entries, read from the store of the log that is shown to it
DepositWatch         what it owes for the deposits that it acknowledged; asserted with every answer
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar, cast

from hub.county.auditing import SqliteAuditStore
from hub.county.auditor import Auditor
from hub.county.deposits import status_of, take_deposit
from hub.county.mirroring import MirroredLog
from ledger.deposits import Deposit
from ledger.errors import NotVerified, TongbanError, Unavailable
from ledger.refusal import Refusal, sign_refusal
from ledger.transparency.auditstore import AuditStore
from ledger.transparency.evidence import ForkEvidence, find_forks
from ledger.transparency.store import Reader
from ledger.transparency.witness import AddCheckpoint, Decision
from tests.audits import GENESIS_STATE
from tests.faults.cosigners import LOGS, CosignerHost, DiedError
from tests.faults.deposit_watch import DepositWatch
from tests.faults.points import Moment
from tests.sequenced import LOG_KEY
from tests.small_log import COUNTIES

__all__ = ["AuditorHost", "StoreCrash"]

T = TypeVar("T")

_NEAR: Final = 12  # entries; one that was cut off for two batches has to catch up
_RUN: Final = 4


@dataclass(frozen=True, slots=True)
class StoreCrash:
    """How a call of the store ends. step: the port's method. dies: the process ends; else the call fails."""

    step: str
    moment: Moment
    dies: bool


class _CrashingStore:
    """The port, one call of which fails once as it is told; whoever has died does nothing any more."""

    def __init__(self, inner: SqliteAuditStore) -> None:
        self._inner: Final = inner
        self.crash: StoreCrash | None = None
        self.died = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._run, name)

    def _run(self, name: str, *values: Any, **named: Any) -> Any:
        if self.died:
            raise DiedError
        crash = self.crash
        if crash is None or crash.step != name:
            return getattr(self._inner, name)(*values, **named)
        self.crash = None
        if crash.moment == "done, not reported":
            getattr(self._inner, name)(*values, **named)
        self.died = crash.dies
        raise DiedError if crash.dies else Unavailable("store_stopped", f"{name} failed as told")


class ServedEntries:
    """A log's entries for an auditor to fetch. view: the store that they are read from; None: the log is away."""

    def __init__(self) -> None:
        self.view: Reader | None = None

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        if self.view is None:
            raise Unavailable("no_log", "the log does not answer")
        try:
            return self.view.entries(start, stop)
        except NotVerified as error:
            raise Unavailable("no_log", "the log has no such entries") from error

    def journal_growth(self, old: int, new: int) -> Sequence[bytes]:
        raise Unavailable("no_log", "this log has no journal")


class AuditorHost(CosignerHost):
    """An auditor of a county, which signs its refusals. path: its file. store_kind, mirror_kind: to plant a fault."""

    role = "auditor"
    store_kind: ClassVar[type[SqliteAuditStore]] = SqliteAuditStore
    mirror_kind: ClassVar[type[MirroredLog]] = MirroredLog

    def __init__(self, name: str, clock: Callable[[], int], *, county: str, path: Path) -> None:
        super().__init__(name, clock)
        self.path: Final = path
        self.watch: Final = DepositWatch()
        self._county: Final = county
        self._source: Final = ServedEntries()
        self._tree: Sequence[bytes] = ()
        self._open()

    def _open(self) -> None:
        self._store = self.store_kind(self.path)
        self._crashing = _CrashingStore(self._store)
        store = cast("AuditStore", self._crashing)
        mirror = self.mirror_kind(
            store, self._source, genesis=GENESIS_STATE, log_key=LOG_KEY, clock=self.clock, run=_RUN
        )
        self.auditor = Auditor(
            store, mirror, name=self.key.name, signer=self.signer, refuse=self._signed, clock=self.clock, near=_NEAR
        )

    def _signed(self, refusal: Refusal) -> bytes:
        return sign_refusal(refusal, kid=f"{self._county}#1", signer=COUNTIES[self._county])

    def plan(self, crash: StoreCrash) -> None:
        """Let the next call of that step fail."""
        self._crashing.crash = crash

    def disarm(self) -> None:
        self._crashing.crash = None

    def restart(self) -> None:
        """Drop everything in memory and start again from the file."""
        self.close()
        self._open()

    def close(self) -> None:
        self.auditor.stop()
        self._store.close()

    @property
    def deposits(self) -> Sequence[Deposit]:
        """What its file says that it watches."""
        return self._store.deposits()

    def answer(self, body: bytes, view: Reader, served: Reader | None = None) -> Decision:
        claimed, now, before = AddCheckpoint.parse(body).checkpoint, self.clock(), self.latest
        self._source.view = served or view
        decision: Decision | None = None
        try:
            decision = self._run(lambda: self.auditor.add_checkpoint(body))
        except Unavailable as error:
            return Decision(status=503, content_type="application/json", body=error.message.encode())
        finally:
            told = decision is not None and decision.latest is not None
            stands = self.latest is not None and (self.latest.size, self.latest.root) == (claimed.size, claimed.root)
            assert stands or not told, "it was cosigned and not stored"
            tree = view.entries(0, claimed.size)
            cosigned = told or (stands and self.latest != before)  # what was stored and not told counts
            self.watch.check_answer(self.deposits, tree, stands=stands, cosigned=cosigned, now=now)
            self._tree = tree if stands else self._tree
        return decision

    def deposit(self, raw: bytes) -> int:
        """Take a deposit as the route does; gives the status of the answer. Raises DiedError."""
        try:
            taken = self._run(lambda: take_deposit(self.auditor, raw, self.clock()))
        except TongbanError as error:
            return status_of(error)
        if isinstance(taken, int):
            assert self._tree[taken] == raw, "it was said to be in a log that does not hold it"
            return 200
        self.watch.take(taken[0])
        return 202

    def to_pass_on(self) -> Sequence[bytes]:
        """Give what the other auditors may not have. Raises DiedError, Unavailable."""
        return self._run(lambda: self.auditor.store.to_pass_on(1_000))

    def passed_on(self, leaf: bytes) -> None:
        """Take down that they have it. Raises DiedError, Unavailable."""
        self._run(lambda: self.auditor.store.passed_on(leaf))

    @property
    def forks(self) -> Sequence[ForkEvidence]:
        """What its file has to prove that the log forked."""
        return find_forks(self._store.offers(), [] if self.latest is None else [self.latest.note], LOGS)

    def check_kept(self) -> None:
        """What it acknowledged is in its file."""
        self.watch.check_kept(self.deposits)

    def _run(self, act: Callable[[], T]) -> T:
        """Do something in the process, with all that it goes on with in the background; look at its file afterwards."""
        try:
            return act()
        finally:
            if (thread := self.auditor._catching_up) is not None:
                thread.join()
            if self._crashing.died:
                self.restart()
            if (latest := self._store.latest()) is not None:
                self.note(latest)
