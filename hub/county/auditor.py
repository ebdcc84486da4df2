"""The county's auditor: cosigns a checkpoint if every entry up to it was fetched, replayed and found to hold.

    POST /auditor/add-checkpoint   as a witness (hub/county/witness.py); beside that
                                   422 application/jose   a signed refusal (ledger/refusal.py), kept
                                   503                    entries not to be had in time, or the mirror is far behind
    POST /auditor/deposit          hub/county/deposits.py

An auditor that is more than 2,048 entries behind answers 503 and catches up in the background, run by run
(hub/county/mirroring.py).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from hub.county.mirroring import MirroredLog
from ledger.deposits import DepositLeftOutError
from ledger.errors import Malformed, NotVerified, TongbanError, Unavailable
from ledger.refusal import Refusal
from ledger.transparency.auditstore import AuditStore, StoredRefusal
from ledger.transparency.spans import one_by_one
from ledger.transparency.witness import AddCheckpoint, Decision, decide, monitoring_path, refuse_malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ledger.deposits import Deposit
    from ledger.signers import Signer
    from ledger.transparency.checkpoint import Checkpoint
    from ledger.transparency.note import Keyring
    from ledger.transparency.replay import Replay
    from ledger.transparency.spans import InOrder
    from schema.context import Clock

__all__ = ["Auditor"]

NEAR: Final = 2_048
"""How many entries behind an auditor may be and still answer at once: half a second of signatures."""

_MANY: Final = 65_536  # from how many entries on worker processes pay
_BUSY_S: Final = 0.9  # the hub waits for a second
_PASSING: Final = frozenset({"bad_inclusion", "iat_in_future"})  # refusals that right entries, or time, may lift
_JOSE: Final = "application/jose"

_log = structlog.get_logger(__name__)


class Auditor:
    """An auditor of one log, signing as `name`. Thread-safe; its calls block.

    refuse: signs a refusal with the county's govern key. near: how far behind it answers at once. pool: opens workers
    that check the signatures of very many entries. Raises NotVerified corrupt_store.
    """

    def __init__(
        self,
        store: AuditStore,
        mirror: MirroredLog,
        *,
        name: str,
        signer: Signer,
        refuse: Callable[[Refusal], bytes],
        clock: Clock,
        near: int = NEAR,
        pool: Callable[[], AbstractContextManager[InOrder]] = lambda: nullcontext(one_by_one),
    ) -> None:
        self.store: Final = store
        self._mirror: Final = mirror
        self._logs: Final[Keyring] = {(mirror.log_key.name, mirror.log_key.id): mirror.log_key}
        self._name: Final = name
        self._signer: Final = signer
        self._refuse: Final = refuse
        self._clock: Final = clock
        self._near: Final = near
        self._pool: Final = pool
        self._busy: Final = threading.Lock()
        self._catching_up: threading.Thread | None = None
        self._stopping: Final = threading.Event()
        if (latest := store.latest()) is not None:
            latest.check()

    @property
    def replay(self) -> Replay:
        """The replayed log as it is stored; not to be changed."""
        return self._mirror.replay

    def add_checkpoint(self, body: bytes) -> Decision:
        """Answer one request; durable before it returns. Raises Unavailable no_log, not_ready, store_stopped.

        What the log has signed and is not cosigned now is kept, whatever the reason: it may prove a fork.
        """
        try:
            request = AddCheckpoint.parse(body)
        except Malformed as error:
            return refuse_malformed(error)
        decision = self._decide(request)
        if decision.status != 200 and not decision.evidence:
            return decision
        with _own_damage():
            cosigned = False
            try:
                decision = decision if decision.evidence else self._in_turn(request)
                cosigned = decision.status == 200
            finally:
                if not cosigned:
                    self._keep(request)
        return decision

    def _in_turn(self, request: AddCheckpoint) -> Decision:
        if not self._busy.acquire(timeout=_BUSY_S):
            raise Unavailable("not_ready", self._progress(request.checkpoint))
        try:
            return self._audited(request)
        finally:
            self._busy.release()

    def _decide(self, request: AddCheckpoint) -> Decision:
        """Check as a witness does. What is signed here has no effect before it is stored and sent."""
        latest, now = self.store.latest(), self._clock()
        return decide(request, latest, logs=self._logs, name=self._name, signer=self._signer, now=now)

    def _keep(self, request: AddCheckpoint) -> None:
        """Keep a signed request, unless its checkpoint is the log's own: anyone may send those, at any moment."""
        offer = self._mirror.offer(request)
        if offer is not None:
            self.store.keep_offer(offer)

    def _judge_again(self, size: int) -> None:
        """What was refused before so much was cosigned is the log's own by now, or proves a fork."""
        for request in self.store.unproven_requests(size):
            offer = self._mirror.offer(request)
            if offer is None:
                self.store.drop_offer(request.checkpoint)
            else:
                self.store.keep_offer(offer)

    def _audited(self, request: AddCheckpoint) -> Decision:
        claimed, mirror = request.checkpoint, self._mirror
        if claimed.size < mirror.size:
            raise Unavailable("not_ready", f"{mirror.size} entries are mirrored already: ask for the newest")
        if claimed.size - mirror.size > self._near or mirror.is_behind:
            return self._later(claimed)
        try:
            audited = mirror.check_next(claimed)
        except TongbanError as error:
            return self._refused(claimed, error)
        watched, now = self.store.deposits(), self._clock()
        try:
            settled = audited.check_deposits(self._dated(watched, now), now)
        except DepositLeftOutError as error:
            mirror.keep(audited)  # the entries hold: they need no second replay
            return self._refused(claimed, error, error.leaf)
        decision = self._decide(request)  # as of now; nobody else writes what it is decided against
        if decision.latest is not None:
            mirror.keep(audited, decision.latest, settled)
            self._judge_again(decision.latest.size)
        return decision

    def _dated(self, watched: Sequence[Deposit], now: int) -> list[Deposit]:
        """Date from now on, and not from then, what a clock that was ahead has dated."""
        return [
            each if each.deposited_at <= now else self.store.deposit(replace(each, deposited_at=now))[0]
            for each in watched
        ]

    def _refused(self, claimed: Checkpoint, error: TongbanError, leaf: bytes | None = None) -> Decision:
        """Say why, signed, and keep it. Raises what is no fault of the log: Unavailable, NotVerified corrupt_store."""
        if isinstance(error, Unavailable) or error.code == "corrupt_store":
            raise error
        self._mirror.doubt(error)
        refusal = Refusal(
            origin=claimed.origin, size=claimed.size, root=claimed.root, code=error.code, iat=self._clock(),
            index=error.index, leaf=leaf,
        )  # fmt: skip
        jws = self._refuse(refusal)
        kept = self.store.refuse(StoredRefusal(refusal=refusal, jws=jws))
        if kept.jws == jws:
            _log.error("checkpoint_refused", code=error.code, size=claimed.size, index=error.index, why=error.message)
        return Decision(status=422, content_type=_JOSE, body=kept.jws)

    def _later(self, claimed: Checkpoint) -> Decision:
        """Answer for a checkpoint far ahead: the refusal that catching up has led to, or 503. Raises Unavailable."""
        same = (each for each in self.store.refusals(16) if _is_of(each.refusal, claimed))
        kept = next(same, None)
        if kept is None or kept.refusal.code in _PASSING:
            self._start(claimed)
        if kept is None:
            raise Unavailable("not_ready", self._progress(claimed))
        return Decision(status=422, content_type=_JOSE, body=kept.jws)

    def _start(self, claimed: Checkpoint) -> None:
        if self._catching_up is None or not self._catching_up.is_alive():
            self._catching_up = threading.Thread(target=self._catch_up, args=(claimed,), name="auditor", daemon=True)
            self._catching_up.start()

    def _progress(self, claimed: Checkpoint) -> str:
        return f"replayed {self._mirror.size} of {claimed.size} entries: ask again"

    def _catch_up(self, claimed: Checkpoint) -> None:
        """Replay until a signed checkpoint is reached, run by run; other requests find the auditor busy."""
        _log.info("auditor_behind", replayed=self._mirror.size, size=claimed.size)
        many = claimed.size - self._mirror.size > _MANY
        try:
            with _own_damage(), self._pool() if many else nullcontext(one_by_one) as in_order:
                while self._mirror.size < claimed.size and not self._stopping.is_set():
                    with self._busy:
                        if not self._ran(claimed, in_order):
                            return
                    _log.info("auditor_catches_up", replayed=self._mirror.size, size=claimed.size)
        except Unavailable as error:
            _log.warning("auditor_waits", code=error.code, reason=error.message, replayed=self._mirror.size)
        except Exception as error:  # noqa: BLE001  # a thread that ends in silence would look like slowness
            _log.error("auditor_stopped", kind=type(error).__name__)

    def _ran(self, claimed: Checkpoint, in_order: InOrder) -> bool:
        """Replay one run; False: it is refused."""
        try:
            self._mirror.run_to(claimed, in_order, stopping=self._stopping.is_set)
        except TongbanError as error:
            self._refused(claimed, error)
            return False
        return True

    def checkpoint(self, path: str) -> bytes | None:
        """Give the latest cosigned checkpoint by monitoring path, with the log's signature and ours."""
        latest = self.store.latest() if path == monitoring_path(self._mirror.log_key.name) else None
        return None if latest is None else latest.note

    def stop(self) -> None:
        """End what runs in the background, after its run."""
        self._stopping.set()
        if self._catching_up is not None:
            self._catching_up.join()


@contextmanager
def _own_damage() -> Iterator[None]:
    """Say what no log is at fault for. Raises Unavailable store_stopped in place of NotVerified corrupt_store."""
    try:
        yield
    except NotVerified as error:
        if error.code != "corrupt_store":
            raise
        _log.critical("mirror_damaged", reason=error.message, index=error.index)
        raise Unavailable("store_stopped", "this auditor's mirror is damaged") from error


def _is_of(refusal: Refusal, checkpoint: Checkpoint) -> bool:
    return (refusal.size, refusal.root) == (checkpoint.size, checkpoint.root)
