"""A mirrored log: the audit over its store and its source, run by run towards a signed checkpoint.

What an auditor does while it catches up, and what `tongban audit` does for anyone with access. A run ends in a head and
is stored at once, so nothing is replayed twice; what no signed checkpoint has confirmed yet, the entries above the one
that was cosigned last, is forgotten when the entries turn out to make another tree, and fetched anew. So nobody is
accused of what was served once and never signed.

Dates: an entry that comes now was submitted after the checkpoint that was cosigned (or audited) here last. So it may be
dated `iat_back_s` before that time, five minutes of grace included, rather than before this very second: the hub's
clock is another one, a day without a quorum must not void what the log took, and one entry at the edge must not stop
the log. Nor must a clock here that was ahead once: where the last cosignature lies in the future, nobody can tell when
it was, and age is left to other auditors. What lies below that checkpoint has no window any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from ledger.admission import ANY_TIME, Window
from ledger.errors import Malformed, NotVerified, TongbanError, Unavailable
from ledger.heads import HEAD_TYP
from ledger.jws import parse_jws
from ledger.transparency.audit import Audit, Audited
from ledger.transparency.checkpoint import Checkpoint, verify_checkpoint
from ledger.transparency.evidence import Offer
from ledger.transparency.merkle import Frontier, TreeView, leaf_hash
from ledger.transparency.note import Note, keyring
from ledger.transparency.spans import one_by_one
from ledger.transparency.tiles import TileNodes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.members import KeyState
    from ledger.transparency.auditstore import AuditStore
    from ledger.transparency.note import VerifierKey
    from ledger.transparency.replay import Replay
    from ledger.transparency.spans import InOrder
    from ledger.transparency.witness import AddCheckpoint, Latest
    from schema.context import Clock

__all__ = ["EntrySource", "MirroredLog"]

_RUN: Final = 8_192
_MAX_RUN: Final = 65_536  # entries without a head among them that are waited for
_MAX_RUN_BYTES: Final = 64 * 1024 * 1024
_GRACE_S: Final = 300


class EntrySource(Protocol):
    """Where an auditor gets what it has to replay. Raises Unavailable no_log where it is not to be had."""

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        """Give the entries start..stop-1, exact bytes."""
        ...

    def journal_growth(self, old: int, new: int) -> Sequence[bytes]:
        """Give the proof that the journal of `old` records only grew to `new`."""
        ...


class MirroredLog:
    """The log of `log_key` as far as it is mirrored. One thread at a time goes on; others may read `replay`.

    genesis: key state of the pinned genesis. run: entries of one run, or as many as it takes to the next head.
    Raises NotVerified corrupt_store: the store does not hold.
    """

    def __init__(
        self,
        store: AuditStore,
        source: EntrySource,
        *,
        genesis: KeyState,
        log_key: VerifierKey,
        clock: Clock,
        run: int = _RUN,
    ) -> None:
        self._run: Final = run
        self.log_key: Final = log_key
        self._store: Final = store
        self._source: Final = source
        self._genesis: Final = genesis
        self._clock: Final = clock
        self._audit = self._opened()

    def _opened(self) -> Audit:
        latest = self._store.latest()
        if latest is not None:
            self._check_signed(latest)
        return Audit.open(self._store.reader, self._store.state(), genesis=self._genesis, log_key=self.log_key)

    def _check_signed(self, latest: Latest) -> None:
        """What is believed of the log from one start to the next must be what the log has signed."""
        latest.check(cosigned=False)
        try:
            verify_checkpoint(Note.parse(latest.note), keyring([self.log_key]))
        except TongbanError as error:
            raise NotVerified("corrupt_store", "the log has not signed the checkpoint cosigned last") from error

    @property
    def replay(self) -> Replay:
        """The replayed log as it is stored; not to be changed."""
        return self._audit.replay

    @property
    def size(self) -> int:
        """Entries that are mirrored and replayed."""
        return self._audit.size

    @property
    def is_behind(self) -> bool:
        """Tell whether less is mirrored than was cosigned: after it was forgotten, until it is there again."""
        latest = self._store.latest()
        return latest is not None and self.size < latest.size

    def check_next(self, claimed: Checkpoint) -> Audited:
        """Fetch and judge what is missing to a checkpoint, all at once; nothing is stored.

        Raises as `ledger.transparency.audit.Audit.check`, Unavailable no_log.
        """
        return self._check(self._source.entries(self.size, claimed.size), claimed, one_by_one)

    def _check(self, raws: Sequence[bytes], claimed: Checkpoint | None, in_order: InOrder) -> Audited:
        latest, now, stop = self._store.latest(), self._clock(), self.size + len(raws)
        since = 0 if latest is None or latest.time > now else latest.time - _GRACE_S
        window = ANY_TIME if latest is not None and stop <= latest.size else Window(now=now, since=since)
        prove = self._source.journal_growth
        return self._audit.check(raws, claimed=claimed, window=window, prove=prove, in_order=in_order)

    def keep(self, audited: Audited, latest: Latest | None = None, settled: Sequence[bytes] = ()) -> None:
        """Store what holds, with the checkpoint cosigned over it, and stand there. Raises Unavailable not_ready."""
        try:
            if audited.batch is not None or latest is not None:
                self._store.keep(audited.batch, latest, settled)
        except TongbanError as error:  # stored or not, nobody here can tell: no fault of the log, so nothing is signed
            self._audit = self._opened()
            raise Unavailable("not_ready", "the mirror was opened anew: ask again") from error
        self._audit.advance(audited)

    def run_to(self, claimed: Checkpoint, in_order: InOrder, *, stopping: Callable[[], bool] = lambda: False) -> None:
        """Fetch, judge and store one run on the way to a checkpoint. stopping: give up then. Raises as check_next.

        What is at fault before the checkpoint is reached may be no entry of the log's: it is raised only once all that
        follows is fetched, too, and makes the tree that was signed.
        """
        goal = self._goal(claimed)
        raws = self._next_run(goal)
        if self.size + len(raws) == goal.size:
            self.keep(self._check(raws, goal, in_order))
            return
        try:
            audited = self._check_part(raws, in_order)
        except TongbanError as error:
            if not isinstance(error, Unavailable) and error.code != "corrupt_store":
                self._check_way(raws, goal, stopping)
            raise
        self.keep(audited)

    def _next_run(self, goal: Checkpoint) -> list[bytes]:
        """Fetch a run, or as much as it takes to the next head or the goal, within bounds."""
        start, raws = self.size, list[bytes]()
        while start < goal.size and _last_head(raws) is None:
            if len(raws) >= _MAX_RUN or sum(map(len, raws)) > _MAX_RUN_BYTES:
                break
            raws += self._source.entries(start, min(start + self._run, goal.size))
            start = self.size + len(raws)
        return raws

    def _check_part(self, raws: Sequence[bytes], in_order: InOrder) -> Audited:
        """Judge a run up to its last head."""
        end = _last_head(raws)
        if end is None:
            raise NotVerified("bad_head", f"no head among {len(raws)} entries", index=self.size)
        return self._check(raws[: end + 1], None, in_order)

    def _check_way(self, raws: Sequence[bytes], goal: Checkpoint, stopping: Callable[[], bool]) -> None:
        """Check that entries, on top of the mirror and with all that follows them, make the tree that was signed.

        Raises NotVerified bad_inclusion, Unavailable.
        """
        grown = Frontier.at(self.size, TileNodes(self._store.reader().tile)).append([leaf_hash(raw) for raw in raws])
        while (start := grown.frontier.size) < goal.size:
            if stopping():
                raise Unavailable("not_ready", "the auditor is about to stop")
            raws = self._source.entries(start, min(start + self._run, goal.size))
            grown = grown.frontier.append([leaf_hash(raw) for raw in raws])
        if grown.frontier.root() != goal.root:
            raise NotVerified("bad_inclusion", "the entries make another tree than the one that was signed")

    def _goal(self, claimed: Checkpoint) -> Checkpoint:
        """Give the next checkpoint to reach: that cosigned last, where it lies ahead, as it confirms the mirror."""
        confirmed = self._confirmed
        return claimed if confirmed is None or confirmed.size <= self.size else confirmed

    @property
    def _confirmed(self) -> Checkpoint | None:
        """The checkpoint that was cosigned last."""
        return self._signed_in(self._store.latest())

    def _signed_in(self, latest: Latest | None) -> Checkpoint | None:
        return None if latest is None else Checkpoint(origin=self.log_key.name, size=latest.size, root=latest.root)

    def doubt(self, error: Exception) -> None:
        """Forget what no checkpoint has confirmed, if the entries made another tree than was signed."""
        confirmed = self._confirmed
        wrong_tree = isinstance(error, NotVerified) and error.code == "bad_inclusion"
        if wrong_tree and self.size > (0 if confirmed is None else confirmed.size):
            self._store.forget(confirmed)
            self._audit = self._opened()

    def offer(self, request: AddCheckpoint) -> Offer | None:
        """Put beside a refused request what it may contradict; None: its checkpoint is the log's own, as cosigned here.

        An older one of another tree comes with the path from its size to the checkpoint cosigned last: proof of a fork.
        Of a greater one than that nothing is known yet, whatever is mirrored: the log may go on with another tree.
        Raises NotVerified bad_signature: the log has not signed it.
        """
        request = request.cut(keyring([self.log_key]))
        latest, size, claimed = self._store.latest(), self.size, request.checkpoint  # read once: they may move on
        held = None if latest is None else latest.note
        confirmed = self._signed_in(latest)
        if confirmed is None or not claimed.size <= confirmed.size <= size:
            return Offer(request=request, held=held)
        nodes = TileNodes(self._store.reader().tile)
        if TreeView(claimed.size, nodes).root == claimed.root:
            return None
        if claimed.size in {0, confirmed.size}:
            return Offer(request=request, held=held)
        path = TreeView(confirmed.size, nodes).past_path(claimed.size)
        return Offer(request=request, held=held, path=tuple(path))


def _last_head(raws: Sequence[bytes]) -> int | None:
    """Find the last entry that calls itself a head; the check that follows reads it in full."""
    return next((at for at in range(len(raws) - 1, -1, -1) if _is_head(raws[at])), None)


def _is_head(raw: bytes) -> bool:
    try:
        return parse_jws(raw).typ == HEAD_TYP
    except Malformed:
        return False
