"""A hub, its cosigners and a mirror, each of which crashes, is cut off or has a wrong clock, in any order.

    hub        the real Sequencer over a store that survives, the real Cosigning; its clock may be set wrong
    cosigners  two witnesses (tests/faults/cosigners.py) and three auditors (tests/faults/auditor_host.py), each with a
               disk and a clock; any 3 are a quorum, so that none comes about without an auditor
    mirror     follows what is published by tiles and consistency proofs

What must hold after every step stands in `LogMachine.holds`, what must come right in the end in `_come_right`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Final

import httpx2
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.county.auditcheck import check_auditor
from hub.log.cosigning import Cosigning
from ledger.entries import Head, parse_entry
from ledger.errors import Conflict, NotVerified, TongbanError, Unavailable
from ledger.receipt import parse_receipt
from ledger.refusal import verify_refusal
from ledger.status import Status
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import Note, parse_signature_lines
from ledger.transparency.policy import Policy
from ledger.transparency.sequencer import Cosigned, Pending
from ledger.transparency.witness import AddCheckpoint, Cosignature
from ledger.verifier import Verifier
from tests.audits import GENESIS_STATE
from tests.faults.auditor_host import AuditorHost
from tests.faults.cosigners import CosignerHost, DiedError
from tests.faults.deposit_watch import change_in, is_possible
from tests.faults.mirror_reader import MirrorReader
from tests.faults.points import MOMENTS, Moment
from tests.faults.view_roots import ViewRoots
from tests.sequenced import LOG_KEY, SequencedLog
from tests.small_log import GENESIS, T0, issue_at
from tests.stores import FaultyStore, MemoryStore

__all__ = ["AUDITORS", "NAMES", "QUORUM", "LogMachine"]

AUDITORS: Final = {"a0": "320583", "a1": "370214", "a2": "370214"}  # and the county that signs its refusals
_WITNESSES: Final = ("w0", "w1")
NAMES: Final = (*_WITNESSES, *AUDITORS)
QUORUM: Final = 3
_STEPS: Final = (0, 0, 0, 0, -1, 1, -3600, 3600, -315_360_000, 315_360_000)  # seconds: right, an hour, 10 years
_FOR_EVER: Final = 10**10
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # processes end here, not machines: what was written need not be synced
_WRONG_CLOCK: Final = {"iat_too_old", "iat_in_future"}
_EXCUSED: Final = {"deposit_left_out", *_WRONG_CLOCK}  # for which an honest log may be refused
_STATED: Final = {"final_status", "same_status", "wrong_target"}
_DAY_S: Final = 86_400


class LogMachine(RuleBasedStateMachine):
    """acknowledged: bytes -> index, as told. evidence: index -> receipt or proof, as first given.

    signed: (size, root) -> cosigner -> time. refused: code -> signed refusals.
    """

    auditor_kind: ClassVar[type[AuditorHost]] = AuditorHost

    def __init__(self) -> None:
        super().__init__()
        self.time, self.hub_skew = T0 + 3600, 0
        self.skew = dict.fromkeys(NAMES, 0)
        self.folder: Final = TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
        self.auditors: dict[str, AuditorHost] = {}
        self.cosigners: dict[str, CosignerHost] = {}
        self.acknowledged: dict[bytes, int] = {}
        self.sent: list[bytes] = []
        self.evidence: dict[int, bytes] = {}
        self.published = self.quorum_time = 0
        self.history: list[bytes] = []
        self.signed: dict[tuple[int, bytes], dict[str, int]] = {}
        self.refused: Counter[str] = Counter()
        self.faults: list[Exception] = []
        self.runner: Final = asyncio.Runner()
        self.http: Final = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer), trust_env=False)

    def _clock(self, name: str) -> Callable[[], int]:
        return lambda: self.time + self.skew[name]

    @initialize(begun=st.sampled_from([True, True, True, False]))
    def found(self, begun: bool) -> None:
        """Found the log. begun: everybody has seen two seals."""
        folder = Path(self.folder.name)
        for name, county in AUDITORS.items():
            self.auditors[name] = self.auditor_kind(name, self._clock(name), county=county, path=folder / name)
        self.cosigners = {**{name: CosignerHost(name, self._clock(name)) for name in _WITNESSES}, **self.auditors}
        keys = {name: cosigner.key for name, cosigner in self.cosigners.items()}
        lines = [f"witness {name} {key.vkey()} http://{name}" for name, key in keys.items()]
        text = "\n".join([f"log {LOG_KEY.vkey()}", *lines, f"group g {QUORUM} {' '.join(NAMES)}", "quorum g", ""])
        self.policy = Policy.parse(text.encode())
        self.verifier = Verifier(self.policy, GENESIS)
        self.mirror = MirrorReader(self.policy)
        self.disk = MemoryStore()
        self.log = SequencedLog(self.disk, now=self.time)
        self.views = [ViewRoots(self.disk.entry)]
        self.view, self.served = self.disk, self.disk
        self._start()
        if begun:
            self.seal_and_publish(2)

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
        cosigner, body = self.cosigners[request.url.host], await request.aread()
        try:
            decision = cosigner.answer(body, self.view, self.served) if cosigner.reached else None
        except DiedError:
            decision = None
        except Exception as error:
            self.faults.append(error)  # the hub takes whatever a cosigner does for its failure, and goes on
            raise
        if decision is None:
            raise httpx2.ConnectError("no route", request=request)
        if decision.latest is not None:
            wanted = AddCheckpoint.parse(body).checkpoint
            (line,) = parse_signature_lines(decision.body)
            self.signed.setdefault((wanted.size, wanted.root), {})[line.name] = decision.latest.time
        elif decision.content_type == "application/jose":
            self.refused[verify_refusal(decision.body, GENESIS_STATE)[1].code] += 1
        return httpx2.Response(decision.status, content=decision.body, headers={"Content-Type": decision.content_type})

    def _submit(self, log: SequencedLog, raws: list[bytes]) -> None:
        log.now, before = max(self.time + self.hub_skew, self.quorum_time), log.sequencer.size  # as hub/log/registry.py
        for raw, result in zip(raws, log.sequence(raws).results, strict=True):
            if isinstance(result, TongbanError):
                assert raw not in self.acknowledged
                assert self._is_excused(raw, result, before), result
            else:
                assert self.acknowledged.setdefault(raw, result.index) == result.index

    def _is_excused(self, raw: bytes, error: TongbanError, before: int) -> bool:
        """Tell whether the hub may refuse it: for its clock, for the entry's age, or since the log's state forbids it."""
        if error.code in _WRONG_CLOCK:
            entry = parse_entry(raw)
            assert not isinstance(entry, Head)
            # What a quorum dated while the hub's clock was ahead, too, stays the hub's time when that is right again.
            return self.hub_skew != 0 or entry.iat + _DAY_S < max(self.time, self.quorum_time)
        entries = self.disk.entry
        states = range(before, len(entries) + 1)
        return error.code in _STATED and any(not is_possible(raw, entries[:size]) for size in states)

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
        self.published, self.quorum_time = max(self.published, pending.size), cosigned.time
        if late:
            lines = [(each.signature, each.time) for each in late]
            log.sequencer.publish(
                Cosigned(size=pending.size, quorum=[], cosignatures=lines, time=min(each.time for each in late))
            )

    async def _gathered(self, asking: Cosigning, pending: Pending) -> tuple[list[Cosignature], list[Cosignature]]:
        late: list[Cosignature] = []
        found: list[Cosignature] = []
        with suppress(NotVerified):
            found = await asking.gather(pending, lambda _, cosignature: late.append(cosignature))
        while asking._tasks:
            await asyncio.wait(set(asking._tasks))
            await asyncio.sleep(0)
        if self.faults:
            raise self.faults[0]
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

    @rule(name=st.sampled_from(_WITNESSES), moment=st.sampled_from(MOMENTS))
    def crash_witness(self, name: str, moment: Moment) -> None:
        self.cosigners[name].crash = moment

    @rule(name=st.sampled_from(("hub", *NAMES)))
    def restart(self, name: str) -> None:
        if name == "hub":
            self._start()
        else:
            self.cosigners[name].restart()

    @rule(names=st.sets(st.sampled_from(NAMES), max_size=3))
    def cut_off(self, names: set[str]) -> None:
        for name, cosigner in self.cosigners.items():
            cosigner.reached = name not in names

    @rule(name=st.sampled_from(("hub", *NAMES)), by=st.sampled_from(_STEPS))
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
    def take_evidence(self, data: st.DataObject) -> None:
        """The first receipt that is given is given for ever; without a published checkpoint there is none."""
        for index in data.draw(st.sets(st.sampled_from(sorted(self.acknowledged.values())), min_size=1, max_size=5)):
            with suppress(Conflict):
                self._take_evidence(index)
                assert index < self.log.sequencer.published

    def _take_evidence(self, index: int) -> None:
        receipt, proof = self.log.reads.evidence(index)
        given = receipt or proof
        assert given is not None
        assert self.evidence.setdefault(index, given) == given
        if receipt is not None:
            self._check_receipt(index, receipt)

    def _check_receipt(self, index: int, receipt: bytes) -> None:
        """It shows the entry at its index, and the status that it had when it was first published."""
        parsed = parse_receipt(receipt)
        assert parsed.proof.index == index
        assert self.acknowledged[parsed.entry] == index
        size = Checkpoint.parse(Note.parse(parsed.proof.checkpoint).text).size
        changes = [change for raw in self.disk.entry[:size] if (change := change_in(raw)) and change.of == index]
        status = changes[-1].to if changes else Status.VALID
        verdict = self.verifier.verify(receipt, now=_FOR_EVER, max_age=_FOR_EVER)
        assert verdict.outcome.value == status.name, verdict

    @invariant()
    def holds(self) -> None:
        """One history; what is published stays; acknowledged stays in its place; sizes and times never fall."""
        if not hasattr(self, "disk"):
            return
        assert not self._is_honest() or self.refused.keys() <= _EXCUSED, self.refused
        entries = self.disk.entry
        assert entries[: len(self.history)] == self.history
        self.history = list(entries)
        assert len(set(entries)) == len(entries)
        assert self.log.sequencer.published >= self.published
        self.published = self.log.sequencer.published
        assert all(entries[index] == raw for raw, index in self.acknowledged.items())
        for name, cosigner in self.cosigners.items():
            assert cosigner.seen == sorted(cosigner.seen)
            assert self._in_one_view(cosigner.roots.items()), f"{name} has cosigned two histories"
        for auditor in self.auditors.values():
            auditor.check_kept()
        quorate = [checkpoint for checkpoint, times in self.signed.items() if len(times) >= QUORUM]
        assert self._in_one_view(quorate), "two histories have a quorum"

    def _in_one_view(self, checkpoints: Collection[tuple[int, bytes]]) -> bool:
        return any(all(view.at(size) == root for size, root in checkpoints) for view in self.views)

    def teardown(self) -> None:
        """All comes right in the end."""
        try:
            if hasattr(self, "disk") and self._is_honest():
                self._come_right()
        finally:
            for cosigner in self.cosigners.values():
                cosigner.close()
            self.runner.run(self.http.aclose())
            self.runner.close()
            self.folder.cleanup()

    def _come_right(self) -> None:
        """With clocks set and all within reach, everything acknowledged has its receipt, and the mirror everything."""
        self.hub_skew = 0
        for name, cosigner in self.cosigners.items():
            self.skew[name], cosigner.reached = 0, True
            cosigner.disarm()
        self._start()
        self._settle()
        assert self.log.sequencer.published == self.log.sequencer.size == self.log.check()
        for index in self.acknowledged.values():
            self._take_evidence(index)
        self.published = self.log.sequencer.published
        self.follow()
        assert self.mirror.entries == self.disk.entry
        for auditor in self.auditors.values():
            assert not auditor.forks, "one history is proved to be two"
        assert check_auditor(self.auditors["a0"].path, self.policy, GENESIS_STATE) == self.log.sequencer.size

    def _settle(self) -> None:
        """Let everybody do what is left to do. Clocks that were ahead are waited for; until then nobody is idle."""
        self._publish(self.log, self.cosigning)
        self.time = max([self.time, *(time for each in self.cosigners.values() for _, time in each.seen[-1:])])
        self._publish(self.log, self.cosigning)

    def _is_honest(self) -> bool:
        """Tell whether the hub has kept to the rules so far as it can be found out."""
        return True
