"""A hub, its cosigners and a mirror, each of which crashes, is cut off or has a wrong clock, in any order.

    hub        the real Sequencer over a store that survives, the real Cosigning; its clock may be set wrong
    cosigners  three witnesses, two auditors, each with a disk and a clock (tests/faults/cosigners.py); any 3 are a quorum
    mirror     follows what is published by tiles and consistency proofs

What must hold after every step stands in `AllianceMachine.holds`. `DishonestMachine` adds a hub that keeps a second
history, signed with the same key, and shows it to whom it likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Final

import httpx2
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.cosigning import Cosigning
from ledger.errors import Conflict, NotVerified, TongbanError, Unavailable
from ledger.receipt import parse_receipt
from ledger.transparency.candidate import Placed
from ledger.transparency.merkle import leaf_hash, root_of
from ledger.transparency.note import parse_signature_lines
from ledger.transparency.policy import Policy
from ledger.transparency.sequencer import Cosigned, Pending
from ledger.transparency.witness import AddCheckpoint, Cosignature
from ledger.verdict import Outcome
from ledger.verifier import Verifier
from tests.faults.cosigners import AuditorHost, CosignerHost
from tests.faults.mirror_reader import MirrorReader
from tests.faults.points import MOMENTS, Moment
from tests.sequenced import LOG_KEY, SequencedLog
from tests.small_log import GENESIS, T0, issue_at
from tests.stores import FaultyStore, MemoryStore

__all__ = ["AllianceMachine", "DishonestMachine"]

_WITNESSES: Final = ("w0", "w1", "w2")
_AUDITORS: Final = ("a0", "a1")
_NAMES: Final = (*_WITNESSES, *_AUDITORS)
_QUORUM: Final = 3
_STEPS: Final = (0, 0, 0, 0, -1, 1, -3600, 3600, -315_360_000, 315_360_000)  # seconds: right, an hour, 10 years
_FOR_EVER: Final = 10**10
_WRONG_CLOCK: Final = {"iat_too_old", "iat_in_future"}


class AllianceMachine(RuleBasedStateMachine):
    """acknowledged: bytes -> index, as told. receipts: index -> receipt, as first given. quorate: size -> roots."""

    def __init__(self) -> None:
        super().__init__()
        self.time, self.hub_skew = T0 + 3600, 0
        self.skew = dict.fromkeys(_NAMES, 0)
        self.cosigners: dict[str, CosignerHost] = {
            **{name: CosignerHost(name, self._clock(name)) for name in _WITNESSES},
            **{name: AuditorHost(name, self._clock(name)) for name in _AUDITORS},
        }
        self.acknowledged: dict[bytes, int] = {}
        self.sent: list[bytes] = []
        self.receipts: dict[int, bytes] = {}
        self.published = 0
        self.history: list[bytes] = []
        self.signed: dict[tuple[int, bytes], dict[str, int]] = {}
        self.runner: Final = asyncio.Runner()
        self.http: Final = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer), trust_env=False)

    def _clock(self, name: str):  # noqa: ANN202  # a function without arguments
        return lambda: self.time + self.skew[name]

    @initialize()
    def found(self) -> None:
        keys = {name: cosigner.key for name, cosigner in self.cosigners.items()}
        lines = [f"witness {name} {key.vkey()} http://{name}" for name, key in keys.items()]
        text = "\n".join([f"log {LOG_KEY.vkey()}", *lines, f"group g {_QUORUM} {' '.join(_NAMES)}", "quorum g", ""])
        self.policy = Policy.parse(text.encode())
        self.verifier = Verifier(self.policy, GENESIS)
        self.mirror = MirrorReader(self.policy)
        self.disk = MemoryStore()
        self.log = SequencedLog(self.disk, now=self.time)
        self.view = self.disk
        self._start()

    def _start(self) -> None:
        self.log = SequencedLog(self.disk, create=False, now=self.time + self.hub_skew)
        self.cosigning = self._asking(self.log)

    def _asking(self, log: SequencedLog) -> Cosigning:
        async def prove(old: int, size: int) -> Sequence[bytes]:
            return log.reads.consistency(old, size)

        asking = Cosigning(self.policy, self.http, prove=prove, clock=lambda: self.time + self.hub_skew, timeout_s=60.0)
        asking.expect(log.sequencer.published)
        return asking

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        cosigner, error = self.cosigners[request.url.host], httpx2.ConnectError("no route", request=request)
        if not cosigner.reached:
            raise error
        wanted = AddCheckpoint.parse(await request.aread())
        decision = cosigner.answer(wanted, self.view, error)
        if decision.latest is not None:
            (line,) = parse_signature_lines(decision.body)
            known = self.signed.setdefault((wanted.checkpoint.size, wanted.checkpoint.root), {})
            known[line.name] = decision.latest.time
        return httpx2.Response(decision.status, content=decision.body, headers={"Content-Type": decision.content_type})

    def _submit(self, log: SequencedLog, raws: list[bytes]) -> None:
        log.now = self.time + self.hub_skew
        for raw, result in zip(raws, log.sequence(raws).results, strict=True):
            if isinstance(result, TongbanError):
                assert result.code in _WRONG_CLOCK
                assert self.hub_skew
                assert raw not in self.acknowledged
            else:
                assert self.acknowledged.setdefault(raw, result.index) == result.index

    def _seals(self, count: int) -> list[bytes]:
        self.time += count
        raws = [issue_at(self.time - number, exp=None).partition("~")[0].encode() for number in range(count)]
        self.sent += raws
        return raws

    def _publish(self, log: SequencedLog, asking: Cosigning) -> None:
        """Ask everybody, as the hub's publisher does; without a quorum nothing is published."""
        pending = log.sequencer.current()
        found, late = self.runner.run(self._gathered(asking, pending))
        cosigned = asking.combined(pending.size, found)
        if cosigned is None:
            return
        log.sequencer.publish(cosigned)
        self.published = max(self.published, pending.size)
        if late:
            lines = [(each.signature, each.time) for each in late]
            log.sequencer.publish(
                Cosigned(size=pending.size, quorum=[], cosignatures=lines, time=min(each.time for each in late))
            )

    @staticmethod
    async def _gathered(asking: Cosigning, pending: Pending) -> tuple[list[Cosignature], list[Cosignature]]:
        late: list[Cosignature] = []
        found: list[Cosignature] = []
        with suppress(NotVerified):
            found = await asking.gather(pending, lambda _, cosignature: late.append(cosignature))
        while asking._tasks:
            await asyncio.wait(set(asking._tasks))
            await asyncio.sleep(0)
        return found, late

    @rule(count=st.integers(1, 5))
    def seal(self, count: int) -> None:
        self._submit(self.log, self._seals(count))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        known = {raw: index for raw, index in self.acknowledged.items() if index < self.log.sequencer.size}
        raws = data.draw(st.lists(st.sampled_from(self.sent), min_size=1, max_size=5))
        size = self.log.sequencer.size
        self._submit(self.log, raws)
        assert not set(raws) <= known.keys() or self.log.sequencer.size == size

    @rule()
    def publish(self) -> None:
        self._publish(self.log, self.cosigning)

    @rule(count=st.integers(1, 5))
    def seal_and_publish(self, count: int) -> None:
        self._submit(self.log, self._seals(count))
        self._publish(self.log, self.cosigning)

    @rule(step=st.sampled_from(["commit", "publish"]), moment=st.sampled_from(MOMENTS), count=st.integers(1, 3))
    def crash_hub(self, step: str, moment: Moment, count: int) -> None:
        """A write fails; the hub starts anew, and what was sent without an answer is sent again."""
        raws = self._seals(count)
        error: Moment = "done, but an error came back" if moment == "done, not reported" else "not done"  # type: ignore[assignment]
        log = SequencedLog(FaultyStore(self.disk, step, error), create=False)  # type: ignore[arg-type]
        with suppress(Unavailable):
            self._submit(log, raws)
            self._publish(log, self._asking(log))
        self._start()
        assert self.log.check() == self.log.sequencer.size
        self._submit(self.log, raws)

    @rule(name=st.sampled_from(_NAMES), moment=st.sampled_from(MOMENTS))
    def crash_cosigner(self, name: str, moment: Moment) -> None:
        self.cosigners[name].crash = moment

    @rule(name=st.sampled_from(("hub", *_NAMES)))
    def restart(self, name: str) -> None:
        if name == "hub":
            self._start()
        else:
            self.cosigners[name].restart()

    @rule(names=st.sets(st.sampled_from(_NAMES), max_size=3))
    def cut_off(self, names: set[str]) -> None:
        for name, cosigner in self.cosigners.items():
            cosigner.reached = name not in names

    @rule(name=st.sampled_from(("hub", *_NAMES)), by=st.sampled_from(_STEPS))
    def step_clock(self, name: str, by: int) -> None:
        if name == "hub":
            self.hub_skew = by
        else:
            self.skew[name] = by

    @precondition(lambda self: self.published)
    @rule()
    def follow(self) -> None:
        """The mirror follows; whatever it once took over is a prefix of what it takes over later."""
        _, note = self.log.reads.first_checkpoint(self.published - 1)
        self.mirror.follow(self.log.reads, note, _FOR_EVER)

    @precondition(lambda self: self.acknowledged)
    @rule(data=st.data())
    def take_receipts(self, data: st.DataObject) -> None:
        """The first one that is given is given for ever; without a published checkpoint there is none."""
        for index in data.draw(st.sets(st.sampled_from(sorted(self.acknowledged.values())), min_size=1, max_size=5)):
            with suppress(Conflict):
                receipt, _ = self.log.reads.evidence(index)
                assert index < self.log.sequencer.published
                assert receipt is not None
                assert self.receipts.setdefault(index, receipt) == receipt
                self._check_receipt(index, receipt)

    def _check_receipt(self, index: int, receipt: bytes) -> None:
        parsed = parse_receipt(receipt)
        assert parsed.proof.index == index
        assert self.acknowledged[parsed.entry] == index
        verdict = self.verifier.verify(receipt, now=_FOR_EVER, max_age=_FOR_EVER)
        assert verdict.outcome is Outcome.VALID, verdict

    @invariant()
    def holds(self) -> None:
        """One history; what is published stays; acknowledged stays in its place; sizes and times never fall."""
        if not hasattr(self, "disk"):
            return
        entries = self.disk.entry
        assert entries[: len(self.history)] == self.history
        self.history = list(entries)
        assert len(set(entries)) == len(entries)
        assert self.log.sequencer.published >= self.published
        self.published = self.log.sequencer.published
        assert {raw: entries[index] for raw, index in self.acknowledged.items()} == {
            raw: raw for raw in self.acknowledged
        }
        for cosigner in self.cosigners.values():
            assert cosigner.seen == sorted(cosigner.seen)
            assert cosigner.latest is None or cosigner.seen[-1] == (cosigner.latest.size, cosigner.latest.time)
        self._check_views([entries])

    def _check_views(self, views: Sequence[Sequence[bytes]]) -> None:
        """All that reached a quorum lies in one view."""
        quorate = [checkpoint for checkpoint, times in self.signed.items() if len(times) >= _QUORUM]
        leaves = [[leaf_hash(raw) for raw in view] for view in views]
        assert any(all(root_of(each[:size]) == root for size, root in quorate) for each in leaves)

    def teardown(self) -> None:
        """All comes right in the end."""
        try:
            if hasattr(self, "disk") and self._may_come_right():
                self._come_right()
        finally:
            self.runner.run(self.http.aclose())
            self.runner.close()

    def _come_right(self) -> None:
        """With clocks set and all within reach, everything acknowledged has its receipt, and the mirror everything."""
        latest = [cosigner.latest.time for cosigner in self.cosigners.values() if cosigner.latest is not None]
        self.time, self.hub_skew = max([self.time, *latest]), 0
        for name, cosigner in self.cosigners.items():
            self.skew[name], cosigner.reached, cosigner.crash = 0, True, None
        self._start()
        self._publish(self.log, self.cosigning)
        assert self.log.sequencer.published == self.log.sequencer.size == self.log.check()
        for index in self.acknowledged.values():
            receipt = self.log.reads.evidence(index)[0] or b""
            assert self.receipts.get(index, receipt) == receipt
            self._check_receipt(index, receipt)
        self.published = self.log.sequencer.published
        self.follow()
        assert self.mirror.entries == self.disk.entry

    def _may_come_right(self) -> bool:
        return True


class DishonestMachine(AllianceMachine):
    """A hub with two histories. fork: the second one, None before it begins."""

    def __init__(self) -> None:
        super().__init__()
        self.fork: MemoryStore | None = None

    @precondition(lambda self: self.fork is None)
    @rule()
    def begin_a_fork(self) -> None:
        """From here on there are two histories."""
        self.fork = deepcopy(self.disk)
        self._grow_fork()
        self._submit(self.log, self._seals(1))

    @precondition(lambda self: self.fork is not None)
    @rule()
    def grow_the_fork(self) -> None:
        self._grow_fork()

    def _grow_fork(self) -> None:
        assert self.fork is not None
        self.time += 1
        raw = issue_at(self.time, exp=None).partition("~")[0].encode()
        (result,) = SequencedLog(self.fork, create=False, now=self.time).sequence([raw]).results
        assert isinstance(result, Placed)

    @precondition(lambda self: self.fork is not None)
    @rule(names=st.sets(st.sampled_from(_NAMES), min_size=1))
    def show_the_fork(self, names: set[str]) -> None:
        """Ask some of them for the other view, as politely as an honest hub would."""
        assert self.fork is not None
        before = {name: cosigner.reached for name, cosigner in self.cosigners.items()}
        self.view = self.fork
        for name, cosigner in self.cosigners.items():
            cosigner.reached = name in names
        log = SequencedLog(self.fork, create=False, now=self.time)
        self.runner.run(self._gathered(self._asking(log), log.sequencer.current()))
        self.view = self.disk
        for name, reached in before.items():
            self.cosigners[name].reached = reached

    def _check_views(self, views: Sequence[Sequence[bytes]]) -> None:
        super()._check_views([*views, *([] if self.fork is None else [self.fork.entry])])

    def _may_come_right(self) -> bool:
        return self.fork is None
