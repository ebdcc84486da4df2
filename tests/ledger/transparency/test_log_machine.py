"""A log that is written, published, crashed and opened again in any order; after every step the whole of it holds."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.errors import Conflict, Unavailable
from ledger.status import Status
from ledger.transparency.candidate import Placed
from ledger.transparency.merkle import leaf_hash
from tests.sequenced import SequencedLog, seals, status_entry
from tests.stores import FaultyStore, MemoryStore, Moment

REASONS = {Status.REVOKED: "04", Status.SUSPENDED: "02", Status.VALID: "01"}
MOMENTS: tuple[Moment, ...] = ("not done", "done, but an error came back")


class LogMachine(RuleBasedStateMachine):
    """acknowledged: bytes -> index, as told to the caller. receipts: index -> receipt, as once given."""

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged: dict[bytes, int] = {}
        self.receipts: dict[int, bytes | None] = {}
        self.statuses: dict[int, Status] = {}
        self.sealed = 0

    @initialize()
    def create(self) -> None:
        self.store = MemoryStore()
        self.log = SequencedLog(self.store)

    def submit(self, raws: list[bytes]) -> None:
        for raw, result in zip(raws, self.log.sequence(raws).results, strict=True):
            assert isinstance(result, Placed)
            assert self.acknowledged.setdefault(raw, result.index) == result.index

    @rule(count=st.integers(1, 40))
    def seal(self, count: int) -> None:
        self.sealed += count
        self.submit(seals(count, start=self.sealed - count))

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.acknowledged:
            known = sorted(self.acknowledged)
            size = self.log.sequencer.size
            self.submit(data.draw(st.lists(st.sampled_from(known), max_size=5)))
            assert self.log.sequencer.size == size

    @rule(data=st.data(), to=st.sampled_from(sorted(REASONS)))
    def change_status(self, data: st.DataObject, to: Status) -> None:
        targets = [index for raw, index in self.acknowledged.items() if raw in self._seals()]
        if not targets:
            return
        of = data.draw(st.sampled_from(sorted(targets)))
        was = self.statuses.get(of, Status.VALID)
        entry = status_entry(self.log, of, to, reason=REASONS[to], iat=self.log.now - len(self.acknowledged))
        (result,) = self.log.sequence([entry]).results
        if isinstance(result, Placed):
            assert was not in {to, Status.REVOKED} or result.known
            self.acknowledged[entry] = result.index
            self.statuses[of] = was if result.known else to
        else:
            assert result.code == ("final_status" if was == Status.REVOKED else "same_status")

    def _seals(self) -> set[bytes]:
        return set(seals(self.sealed))

    @rule()
    def publish(self) -> None:
        self.log.publish()

    @rule(data=st.data())
    def take_receipt(self, data: st.DataObject) -> None:
        if self.acknowledged:
            index = data.draw(st.sampled_from(sorted(self.acknowledged.values())))
            with suppress(Conflict):
                receipt, _ = self.log.reads.evidence(index)
                assert self.receipts.setdefault(index, receipt) == receipt

    @rule(step=st.sampled_from(["commit", "publish"]), moment=st.sampled_from(MOMENTS))
    def crash(self, step: str, moment: Moment) -> None:
        """Fail a write, open anew, and repeat what was not acknowledged: it is there or it is taken, once."""
        self.sealed += 1
        raws = seals(1, start=self.sealed - 1)
        faulty = SequencedLog(FaultyStore(self.store, step, moment), create=False)
        with suppress(Unavailable):
            faulty.sequence(raws)
            faulty.publish()
        self.log = SequencedLog(self.store, create=False)
        self.log.check()
        self.submit(raws)

    @rule()
    def restart(self) -> None:
        self.log = SequencedLog(self.store, create=False)

    @invariant()
    def everything_holds(self) -> None:
        assert self.log.check() == self.log.sequencer.size
        for raw, index in self.acknowledged.items():
            assert leaf_hash(self.log.sequencer.entry(index)) == leaf_hash(raw)
        for index, status in self.statuses.items():
            assert self.log.sequencer.status_of(index) == status


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
