"""The county's auditor: cosigns a checkpoint if every entry up to it was fetched, replayed and found to hold.

    POST /auditor/add-checkpoint   as a witness (hub/county/witness.py); beside that
                                   422 application/jose   a signed refusal (ledger/refusal.py), kept
                                   503                    entries not to be had in time, or the mirror is far behind
    POST /auditor/deposit          hub/county/deposits.py

An auditor that is more than 2,048 entries behind answers 503 and catches up in the background, in runs that each end in
a head; what it has replayed by then is stored, and counts as a mirror only when a signed checkpoint has been reached.
If the entries turn out to make another tree, the mirror is forgotten and fetched anew; what was cosigned never is.

Dates: an entry that comes now was submitted after the checkpoint that this auditor cosigned last. So it may be dated
`iat_back_s` before that time, five minutes of grace included, rather than before this very second: the hub's clock is
another one, a day without a quorum must not void what the log took, and one entry at the edge must not stop the log.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

import structlog

from ledger.deposits import DepositLeftOutError
from ledger.errors import Malformed, NotVerified, TongbanError, Unavailable
from ledger.heads import HEAD_TYP
from ledger.jws import parse_jws
from ledger.refusal import Refusal
from ledger.transparency.audit import Audit, Audited
from ledger.transparency.auditstore import AuditStore, StoredRefusal
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.spans import Window, one_by_one
from ledger.transparency.witness import AddCheckpoint, Decision, Latest, decide, monitoring_path, refuse_malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from hub.county.entries import EntrySource
    from ledger.members import KeyState
    from ledger.signers import Signer
    from ledger.transparency.note import Keyring, VerifierKey
    from ledger.transparency.replay import Replay
    from ledger.transparency.spans import InOrder
    from schema.context import Clock

__all__ = ["Auditor"]

NEAR: Final = 2_048
"""How many entries behind an auditor may be and still answer at once: half a second of signatures."""

_RUN: Final = 8_192  # entries of one run when catching up
_MANY: Final = 8 * _RUN  # from how many on worker processes pay
_MAX_RUN: Final = 65_536  # entries without a head among them that are waited for
_GRACE_S: Final = 300
_BUSY_S: Final = 0.9
_PASSING: Final = frozenset({"iat_in_future"})  # a refusal that time may lift
_TEXT: Final = "text/plain; charset=utf-8"
_JOSE: Final = "application/jose"

_log = structlog.get_logger(__name__)


class Auditor:
    """An auditor of the log of `log_key`, signing as `name`. Thread-safe; its calls block.

    genesis: key state of the pinned genesis. refuse: signs a refusal with the county's govern key. pool: opens
    workers that check the signatures of very many entries.
    """

    def __init__(  # noqa: PLR0913  # its parts, each by its name
        self,
        store: AuditStore,
        source: EntrySource,
        *,
        genesis: KeyState,
        log_key: VerifierKey,
        name: str,
        signer: Signer,
        refuse: Callable[[Refusal], bytes],
        clock: Clock,
        pool: Callable[[], AbstractContextManager[InOrder]] = lambda: nullcontext(one_by_one),
    ) -> None:
        self.store: Final = store
        self._source: Final = source
        self._genesis: Final = genesis
        self._log_key: Final = log_key
        self._logs: Final[Keyring] = {(log_key.name, log_key.id): log_key}
        self._name: Final = name
        self._signer: Final = signer
        self._refuse: Final = refuse
        self._clock: Final = clock
        self._pool: Final = pool
        self._audit = self._opened()
        self._busy: Final = threading.Lock()
        self._catching_up: threading.Thread | None = None
        self._stopping: Final = threading.Event()

    def _opened(self) -> Audit:
        return Audit.open(self.store.reader, self.store.state(), genesis=self._genesis, log_key=self._log_key)

    @property
    def replay(self) -> Replay:
        """The replayed log as it is stored; not to be changed."""
        return self._audit.replay

    def add_checkpoint(self, body: bytes) -> Decision:
        """Answer one request; durable before it returns. Raises Unavailable no_log, not_ready, store_stopped."""
        try:
            request = AddCheckpoint.parse(body)
        except Malformed as error:
            return refuse_malformed(error)
        decision = self._decide(request)
        if decision.status != 200:
            if decision.evidence:
                self.store.keep_evidence(request.format(), hashlib.sha256(request.note.text).digest())
            return decision
        if not self._busy.acquire(timeout=_BUSY_S):
            raise Unavailable("not_ready", self._progress(request.checkpoint))
        try:
            return self._audited(request)
        finally:
            self._busy.release()

    def _decide(self, request: AddCheckpoint) -> Decision:
        """Check as a witness does. Nothing is signed with effect before the answer is sent."""
        latest, now = self.store.latest(), self._clock()
        return decide(request, latest, logs=self._logs, name=self._name, signer=self._signer, now=now)

    def _audited(self, request: AddCheckpoint) -> Decision:
        claimed = request.checkpoint
        if claimed.size < self._audit.size:
            raise Unavailable("not_ready", f"{self._audit.size} entries are mirrored already: ask for the newest")
        if claimed.size - self._audit.size > NEAR:
            return self._later(claimed)
        raws = self._source.entries(self._audit.size, claimed.size)
        try:
            audited = self._check(raws, claimed)
            settled = audited.check_deposits(self.store.deposits(), self._clock())
        except DepositLeftOutError as error:
            self._store(audited)  # the entries hold: they need no second replay
            return self._refused(claimed, error, error.leaf)
        except TongbanError as error:
            return self._refused(claimed, error)
        decision = self._decide(request)  # as of now; nobody else writes what it is decided against
        if decision.latest is not None:
            self._store(audited, decision.latest, settled)
        return decision

    def _check(self, raws: Sequence[bytes], claimed: Checkpoint | None, in_order: InOrder = one_by_one) -> Audited:
        latest, stop = self.store.latest(), self._audit.size + len(raws)
        old = latest is not None and stop <= latest.size
        since = None if latest is None else latest.time - _GRACE_S
        window = None if old else Window(now=self._clock(), since=0 if since is None else since)
        prove = self._source.journal_growth
        return self._audit.check(raws, claimed=claimed, window=window, prove=prove, in_order=in_order)

    def _store(self, audited: Audited, latest: Latest | None = None, settled: Sequence[bytes] = ()) -> None:
        if audited.batch is None and latest is None:
            return
        self.store.keep(audited.batch, latest, settled)
        self._audit.advance(audited)

    def _refused(self, claimed: Checkpoint, error: TongbanError, leaf: bytes | None = None) -> Decision:
        """Say why, signed, and keep it. Raises Unavailable: what is missing, or broken here, is no fault of the log."""
        if isinstance(error, Unavailable) or error.code == "corrupt_store":
            raise Unavailable("store_stopped", f"this auditor cannot answer: {error}") from error
        latest = self.store.latest()
        if error.code == "bad_inclusion" and self._audit.size > (latest.size if latest else 0):
            self._forget()  # a part that no checkpoint has confirmed may be at fault, rather than the new entries
        refusal = Refusal(
            origin=claimed.origin, size=claimed.size, root=claimed.root, code=error.code, iat=self._clock(),
            index=error.index, leaf=leaf,
        )  # fmt: skip
        jws = self._refuse(refusal)
        kept = self.store.refuse(StoredRefusal(refusal=refusal, jws=jws))
        if kept.jws == jws:
            _log.error("checkpoint_refused", code=error.code, size=claimed.size, index=error.index, why=error.message)
        return Decision(status=422, content_type=_JOSE, body=kept.jws)

    def _forget(self) -> None:
        self.store.forget()
        self._audit = self._opened()

    def _later(self, claimed: Checkpoint) -> Decision:
        """Answer for a checkpoint far ahead: the refusal that catching up has led to, or 503. Raises Unavailable."""
        for kept in self.store.refusals(16):
            known = kept.refusal
            if (known.size, known.root) == (claimed.size, claimed.root) and known.code not in _PASSING:
                return Decision(status=422, content_type=_JOSE, body=kept.jws)
        if self._catching_up is None or not self._catching_up.is_alive():
            self._catching_up = threading.Thread(target=self._catch_up, args=(claimed,), name="auditor", daemon=True)
            self._catching_up.start()
        raise Unavailable("not_ready", self._progress(claimed))

    def _progress(self, claimed: Checkpoint) -> str:
        return f"replayed {self._audit.size} of {claimed.size} entries: ask again"

    def _catch_up(self, claimed: Checkpoint) -> None:
        """Replay until a signed checkpoint is reached, run by run; other requests find the auditor busy."""
        _log.info("auditor_behind", replayed=self._audit.size, size=claimed.size)
        many = claimed.size - self._audit.size > _MANY
        try:
            with self._pool() if many else nullcontext(one_by_one) as in_order:
                while self._audit.size < claimed.size and not self._stopping.is_set():
                    with self._busy:
                        if not self._ran(claimed, in_order):
                            return
                    _log.info("auditor_catches_up", replayed=self._audit.size, size=claimed.size)
        except Unavailable as error:
            _log.warning("auditor_waits", code=error.code, reason=error.message, replayed=self._audit.size)
        except Exception as error:  # noqa: BLE001  # a thread that ends in silence would look like slowness
            _log.error("auditor_stopped", kind=type(error).__name__)

    def _ran(self, claimed: Checkpoint, in_order: InOrder) -> bool:
        """Replay one run; False: it is refused."""
        try:
            self._run_to(self._goal(claimed), in_order)
        except TongbanError as error:
            self._refused(claimed, error)
            return False
        return True

    def _goal(self, claimed: Checkpoint) -> Checkpoint:
        """Give the next checkpoint to reach: that cosigned last, where it lies ahead, as it confirms the mirror."""
        latest = self.store.latest()
        if latest is None or latest.size <= self._audit.size:
            return claimed
        return Checkpoint(origin=claimed.origin, size=latest.size, root=latest.root)

    def _run_to(self, goal: Checkpoint, in_order: InOrder) -> None:
        first, count = self._audit.size, _RUN
        raws = list(self._source.entries(first, min(first + count, goal.size)))
        while first + len(raws) < goal.size:
            if (end := _last_head(raws)) is not None:
                self._store(self._check(raws[: end + 1], None, in_order))
                return
            if len(raws) >= _MAX_RUN:
                raise NotVerified("bad_head", f"no head among {_MAX_RUN} entries", index=first)
            start = first + len(raws)
            raws += self._source.entries(start, min(start + count, goal.size))
        self._store(self._check(raws, goal, in_order))

    def checkpoint(self, path: str) -> bytes | None:
        """Give the latest cosigned checkpoint by monitoring path, with the log's signature and ours."""
        latest = self.store.latest() if path == monitoring_path(self._log_key.name) else None
        return None if latest is None else latest.note

    def stop(self) -> None:
        """End what runs in the background, after its run."""
        self._stopping.set()
        if self._catching_up is not None:
            self._catching_up.join()


def _last_head(raws: Sequence[bytes]) -> int | None:
    """Find the last entry that calls itself a head; the check that follows reads it in full."""
    return next((at for at in range(len(raws) - 1, -1, -1) if _is_head(raws[at])), None)


def _is_head(raw: bytes) -> bool:
    try:
        return parse_jws(raw).typ == HEAD_TYP
    except Malformed:
        return False
