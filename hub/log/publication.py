"""Publication: the newest sequenced checkpoint is shown to the witnesses, and served once a quorum has cosigned it.

Sequencing runs ahead; while one size is at the witnesses, further batches may be sequenced, and the next round takes
the newest of them. Without a quorum nothing is published: it is tried again, an alarm is logged, and reads go on at the
old size. Without news a heartbeat asks for fresh cosignatures of the same checkpoint; if the journal has grown, a head
that binds it is sequenced first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from hub.log.cosigning import Cosigning
from ledger.errors import NotVerified, TongbanError
from ledger.transparency.checkpoint import Checkpoint, verify_cosignature, with_cosignatures
from ledger.transparency.note import Note, parse_signature_lines
from ledger.transparency.sequencer import Cosigned, Pending
from ledger.transparency.snapshot import Snapshot
from ledger.transparency.witness import Cosignature

if TYPE_CHECKING:
    from hub.log.ledgerfile import LedgerFile
    from ledger.transparency.policy import Policy
    from ledger.transparency.store import StoredCosignature

__all__ = ["Publisher"]

RETRY_S: Final = 1.0
SOON_S: Final = 0.1  # after a witness that was only slow, as an auditor under load is
SPACING_S: Final = 0.1  # between the starts of two rounds: small batches share one instead of asking everybody again
LATE_S: Final = 0.25  # late cosignatures of one round share a transaction

_log = structlog.get_logger(__name__)


class Publisher:
    """Publishes what the ledger file has sequenced. `run` is its loop; `wake` says that there is something new.

    extend: sequences a head alone if the journal has grown. on_published: called in the loop after each publication.
    heartbeat_s: None takes it from the rule in the key state. alarm: why nothing gets published, or None.
    """

    def __init__(
        self,
        file: LedgerFile,
        cosigning: Cosigning,
        *,
        extend: Callable[[], Awaitable[None]],
        on_published: Callable[[Snapshot], None],
        heartbeat_s: float | None = None,
    ) -> None:
        self._file: Final = file
        self._cosigning: Final = cosigning
        self._extend: Final = extend
        self._on_published: Final = on_published
        self._heartbeat_s: Final = heartbeat_s
        self._woken: Final = asyncio.Event()
        self._known: dict[str, Cosignature] = {}  # of the published size, by key name
        self._late: list[tuple[int, Cosignature]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []
        self.snapshot: Snapshot | None = None
        self.alarm: str | None = None

    def wake(self) -> None:
        """Say that something was sequenced."""
        self._woken.set()

    async def restore(self, policy: Policy) -> None:
        """Show again what was published before, if its stored cosignatures are a quorum of the policy as it is now."""
        size = self._file.sequencer.published
        self._cosigning.expect(size)
        if size == 0:
            return
        note, stored = await self._file.read(
            lambda reads: (reads.first_checkpoint(size - 1)[1], reads.cosignatures(size))
        )
        text = Note.parse(note).text
        known = [_restored(policy, text, each) for each in stored]
        self._show(_unsigned(note), size, [each for each in known if each is not None])

    async def run(self) -> None:
        """Publish for ever; ends when the ledger file stops."""
        while self._file.fault is None:
            pending = await self._next()
            spacing = asyncio.create_task(asyncio.sleep(SPACING_S))
            try:
                found = await self._cosigning.gather(pending, self._came_late)
                await self._publish(pending.size, found)
                await spacing
            except NotVerified as error:
                if error.code != "no_quorum":
                    raise
                reason = self._cosigning.reason(error.message)
                if reason != self.alarm:
                    _log.error("no_quorum", size=pending.size, reason=reason)
                self.alarm = reason
                await asyncio.sleep(SOON_S if self._cosigning.slow else RETRY_S)

    async def _next(self) -> Pending:
        """Wait for something to publish, or for the time of a heartbeat."""
        sequencer = self._file.sequencer
        while (pending := sequencer.pending()) is None:
            self._woken.clear()
            try:
                async with asyncio.timeout(self._pause()):
                    await self._woken.wait()
            except TimeoutError:
                await self._extend()
                return sequencer.current()
        return pending

    def _pause(self) -> float:
        """Give the time to the next heartbeat, in seconds; one that found no quorum is made again soon."""
        if self.alarm is not None:
            return RETRY_S
        return self._heartbeat_s or self._file.sequencer.keys.rule("heartbeat_s")

    async def _publish(self, size: int, found: Iterable[Cosignature]) -> None:
        """Store cosignatures of a size with those that are known of it, and show it if it is the newest."""
        cosigned = self._cosigning.combined(size, self._merged(size, found).values())
        if cosigned is None:
            return
        note = await self._file.write(lambda sequencer: sequencer.publish(cosigned))
        self._show(_unsigned(note), size, found)

    def _merged(self, size: int, found: Iterable[Cosignature]) -> dict[str, Cosignature]:
        same = self.snapshot is not None and self.snapshot.size == size
        return _newest([*self._known.values(), *found] if same else found)

    def _show(self, unsigned: Note, size: int, cosignatures: Iterable[Cosignature]) -> None:
        """Switch what readers see; never back, as late cosignatures may come while a newer size is published."""
        known = self._merged(size, cosignatures)
        cosigned = self._cosigning.combined(size, known.values())
        if cosigned is None or (self.snapshot is not None and size < self.snapshot.size):
            return
        self._known = known
        if self.alarm is not None:
            _log.info("quorum_again", size=size)
        self.alarm = None
        self.snapshot = Snapshot(
            size=size,
            root=Checkpoint.parse(unsigned.text).root,
            note=with_cosignatures(unsigned, [each.signature for each in known.values()]).format(),
            quorum_note=with_cosignatures(unsigned, list(cosigned.quorum)).format(),
            time=cosigned.time,
            cosigners=tuple(sorted(known)),
        )
        self._answer(size)
        self._on_published(self.snapshot)

    def _came_late(self, size: int, cosignature: Cosignature) -> None:
        self._late.append((size, cosignature))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_late())

    async def _flush_late(self) -> None:
        while self._late:
            await asyncio.sleep(LATE_S)
            late, self._late = self._late, []
            for size in sorted({size for size, _ in late}):
                found = [cosignature for of, cosignature in late if of == size]
                try:
                    await self._keep_late(size, found)
                except TongbanError as error:
                    _log.warning("late_cosignatures_lost", size=size, code=error.code)

    async def _keep_late(self, size: int, found: Sequence[Cosignature]) -> None:
        shown = self.snapshot
        if shown is None or size > shown.size:
            return  # its quorum was not taken after all (a clock was set): the next round asks again
        if size == shown.size:
            await self._publish(size, found)
            return
        if await self._file.read(lambda reads: reads.first_checkpoint(size - 1)[0]) != size:
            return  # nor was it, and a newer size is published: kept now, it would stand there without its quorum
        stored = [(each.signature, each.time) for each in found]
        # The size has a kept note already; its quorum is not chosen anew; its day has a newer landmark.
        cosigned = Cosigned(size=size, quorum=[], cosignatures=stored, time=shown.time)
        await self._file.write(lambda sequencer: sequencer.publish(cosigned))

    async def stop(self) -> None:
        """Give up late cosignatures that are not stored yet; the next heartbeat brings fresh ones."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)

    async def wait_for(self, size: int) -> None:
        """Wait until a checkpoint of at least `size` entries is published; without limit."""
        if self.snapshot is not None and self.snapshot.size >= size:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers.append((size, future))
        await future

    def _answer(self, size: int) -> None:
        for wanted, future in self._watchers:
            if wanted <= size and not future.done():
                future.set_result(None)
        self._watchers = [each for each in self._watchers if not each[1].done()]


def _newest(cosignatures: Iterable[Cosignature]) -> dict[str, Cosignature]:
    newest: dict[str, Cosignature] = {}
    for each in cosignatures:
        if each.key.name not in newest or each.time > newest[each.key.name].time:
            newest[each.key.name] = each
    return newest


def _unsigned(note: bytes) -> Note:
    """Leave the log's line alone under the text."""
    parsed = Note.parse(note)
    return Note(text=parsed.text, signatures=parsed.signatures[:1])


def _restored(policy: Policy, text: bytes, stored: StoredCosignature) -> Cosignature | None:
    """Check a stored line against the policy; None if the policy does not know its key any more."""
    (line,) = parse_signature_lines(stored.line)
    key = policy.keys.get((line.name, line.key_id))
    if key is None:
        return None
    return Cosignature(key=key, signature=line, time=verify_cosignature(text, line, key))
