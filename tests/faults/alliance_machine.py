"""Status changes on their way into the log, and to the auditors when the hub does not log them in time.

    county     signs changes; submits them, or leaves them with some of the auditors; signs again what got too old
    auditors   take deposits, pass them on to the others, remind the hub of them, crash in the middle of it

What an auditor owes for a deposit is asserted by its host (`tests/faults/deposit_watch.py`). `DishonestMachine` adds a
hub that hides changes, and one that keeps a second history, signed with the same key, and shows it to whom it likes.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from copy import deepcopy
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger.entries import build_status
from ledger.errors import TongbanError, Unavailable
from ledger.status import Status
from ledger.transparency.auditstore import AuditStore
from ledger.transparency.merkle import leaf_hash
from tests.faults.auditor_host import AuditorHost, StoreCrash
from tests.faults.cosigners import DiedError
from tests.faults.deposit_watch import DEPOSIT_S, change_in, is_possible
from tests.faults.log_machine import AUDITORS, NAMES, LogMachine
from tests.faults.points import MOMENTS, Moment, methods
from tests.faults.view_roots import ViewRoots
from tests.sequenced import SequencedLog
from tests.small_log import COUNTIES, issue_at
from tests.stores import MemoryStore

__all__ = ["AllianceMachine", "DishonestMachine"]

_REASONS: Final = {Status.VALID: "01", Status.REVOKED: "04", Status.SUSPENDED: "02"}
_STEPS: Final = ("keep", "keep", "keep", "deposit", "deposit", *methods(AuditStore))
_WAITS: Final = (1, DEPOSIT_S - 1, DEPOSIT_S, DEPOSIT_S + 1, DEPOSIT_S + 1, 3_600, 87_600, 172_800)
_HEARD: Final = {200, 202}
_REFUSED: Final = {404, 409}  # such a seal is not replayed; the log's state or a clock forbids it
_CHANGES: Final = st.sampled_from([Status.REVOKED, Status.REVOKED, Status.SUSPENDED, Status.VALID])
_SOME_AUDITORS: Final = st.sets(st.sampled_from(tuple(AUDITORS)), min_size=1)
_SOME: Final = st.sets(st.sampled_from(NAMES), min_size=1)
_ROUNDS: Final = 3


class AllianceMachine(LogMachine):
    """left: changes that the county left with auditors alone. deposits: made, of these hidden by the hub; refused."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[bytes] = []
        self.deposits: Counter[str] = Counter()

    @property
    def _sealed(self) -> list[int]:
        return [index for raw, index in self.acknowledged.items() if change_in(raw) is None]

    def county_change(self, of: int, to: Status) -> bytes:
        """Sign a change of the seal at an index."""
        self.time += 1
        leaf, signer = leaf_hash(self.disk.entry[of]), COUNTIES["370214"]
        return build_status(of=of, leaf=leaf, to=to, reason=_REASONS[to], iat=self.time, kid="370214#1", signer=signer)

    def _new_change(self, data: st.DataObject, to: Status) -> bytes:
        """Sign a change of one of few seals, so that many changes meet."""
        return self.county_change(data.draw(st.sampled_from(self._sealed[:3])), to)

    def submit(self, raw: bytes) -> None:
        """Hand the hub an entry, as often as one likes."""
        self.sent += [raw] if raw not in self.sent else []
        self._submit(self.log, [raw])

    @precondition(lambda self: self._sealed)
    @rule(data=st.data(), to=_CHANGES)
    def change_status(self, data: st.DataObject, to: Status) -> None:
        self.submit(self._new_change(data, to))

    @precondition(lambda self: self._sealed)
    @rule(data=st.data(), to=_CHANGES, names=_SOME_AUDITORS)
    def leave_with_auditors(self, data: st.DataObject, to: Status, names: set[str]) -> None:
        """The county does not reach the hub, or has no proof in time."""
        raw = self._new_change(data, to)
        self.left.append(raw)
        self._deposit(raw, names)

    @precondition(lambda self: self.left)
    @rule(data=st.data(), names=_SOME_AUDITORS)
    def leave_again(self, data: st.DataObject, names: set[str]) -> None:
        self._deposit(data.draw(st.sampled_from(self.left)), names)

    def _deposit(self, raw: bytes, names: set[str]) -> None:
        for name in sorted(names):
            if self.auditors[name].reached:
                self._deposited(self.auditors[name], raw)

    def _deposited(self, auditor: AuditorHost, raw: bytes) -> int:
        """Leave an entry with one auditor; gives the status of its answer, 503 if there was none."""
        known = raw in auditor.watch.acknowledged
        try:
            status = auditor.deposit(raw)
        except DiedError:
            status = 503
        assert status in _HEARD | _REFUSED | {503}, status
        if status == 202 and not known:
            self.deposits.update(["made", "hidden"] if self._hides(raw) else ["made"])
        if status in _REFUSED:
            self.deposits["refused"] += 1
        return status

    @rule(give_up=st.booleans(), remind=st.booleans())
    def pass_on(self, give_up: bool, remind: bool) -> None:
        """Each auditor tells the others, and the hub. give_up: who does not answer for two minutes is not told."""
        for auditor in self.auditors.values():
            with suppress(DiedError, Unavailable):  # what is left to do is told the next time
                self._pass_on_from(auditor, give_up=give_up)
            if remind:
                self._remind(auditor)

    def _pass_on_from(self, auditor: AuditorHost, *, give_up: bool) -> None:
        others = [each for each in self.auditors.values() if each is not auditor]
        for raw in auditor.to_pass_on():
            heard = [auditor.reached and each.reached and self._deposited(each, raw) in _HEARD for each in others]
            if give_up or all(heard):
                auditor.passed_on(leaf_hash(raw))

    def _remind(self, auditor: AuditorHost) -> None:
        """Hand the hub all that an auditor watches, whatever it answered before."""
        for deposit in auditor.deposits if auditor.reached else ():
            if not self._hides(deposit.raw):
                self.submit(deposit.raw)

    def _hides(self, raw: bytes) -> bool:
        """Tell whether the hub drops an entry."""
        return False

    @rule(seconds=st.sampled_from(_WAITS))
    def wait(self, seconds: int) -> None:
        self.time += seconds

    @rule(
        name=st.sampled_from(tuple(AUDITORS)),
        step=st.sampled_from(_STEPS),
        moment=st.sampled_from(MOMENTS),
        dies=st.booleans(),
    )
    def crash_auditor(self, name: str, step: str, moment: Moment, dies: bool) -> None:
        self.auditors[name].plan(StoreCrash(step, moment, dies))

    def _settle(self) -> None:
        """Besides, what is watched reaches the log, and what got too old for it is replaced by its county."""
        self.seal(1)
        for _ in range(_ROUNDS):
            self._do_what_is_left()
        super()._settle()
        told = (each.deposited_at for auditor in self.auditors.values() for each in auditor.deposits)
        self.time = max([self.time, *told])
        for _ in range(_ROUNDS):
            self.time += DEPOSIT_S + 1
            self._do_what_is_left()
        for name, cosigner in self.cosigners.items():
            assert cosigner.latest is not None, name
            assert cosigner.latest.size == self.log.sequencer.size, f"{name} does not follow"
        assert not any(auditor.deposits for auditor in self.auditors.values()), "watched for ever"

    def _do_what_is_left(self) -> None:
        self.pass_on(give_up=False, remind=True)
        for raw in self.left:
            self._replace(raw)
        self.publish()

    def _replace(self, raw: bytes) -> None:
        """Revoke for good what a change was about that the log takes no more for its age alone."""
        change = change_in(raw)
        assert change is not None
        if raw not in self.acknowledged and is_possible(raw, self.disk.entry):
            self.submit(self.county_change(change.of, Status.REVOKED))


class DishonestMachine(AllianceMachine):
    """A hub that hides changes, and has two histories. fork: the second one, None before it begins."""

    def __init__(self) -> None:
        super().__init__()
        self.fork: MemoryStore | None = None
        self.hidden: list[bytes] = []

    @precondition(lambda self: self._sealed)
    @rule(data=st.data(), to=_CHANGES, names=_SOME_AUDITORS)
    def hide(self, data: st.DataObject, to: Status, names: set[str]) -> None:
        """The hub never logs it; the county leaves it with some of the auditors."""
        raw = self._new_change(data, to)
        self.hidden.append(raw)
        self.left.append(raw)
        self._deposit(raw, names)

    def _hides(self, raw: bytes) -> bool:
        return raw in self.hidden

    @precondition(lambda self: self.hidden)
    @rule(data=st.data())
    def log_late(self, data: st.DataObject) -> None:
        """The hub gives in."""
        raw = data.draw(st.sampled_from(self.hidden))
        self.hidden.remove(raw)
        self.submit(raw)

    @precondition(lambda self: self.fork is None)
    @rule(names=_SOME, restarted=st.booleans())
    def begin_a_fork(self, names: set[str], restarted: bool) -> None:
        """From here on there are two histories. names: who sees the second one first."""
        self.fork = deepcopy(self.disk)
        self.views.append(ViewRoots(self.fork.entry))
        self._grow_fork()
        self._submit(self.log, self._seals(1))
        self.show_the_fork(names, mixed=False, restarted=restarted)

    @precondition(lambda self: self.fork is not None)
    @rule()
    def grow_the_fork(self) -> None:
        self._grow_fork()

    @precondition(lambda self: self.fork is not None and self.left)
    @rule(data=st.data())
    def log_in_the_fork(self, data: st.DataObject) -> None:
        """What is hidden stands in the other history, for those who insist on it."""
        self._grow_fork(data.draw(st.sampled_from(self.left)))

    def _grow_fork(self, *raws: bytes) -> None:
        assert self.fork is not None
        self.time += 1
        seal = issue_at(self.time, exp=None).partition("~")[0].encode()
        first, *_ = SequencedLog(self.fork, create=False, now=self.time).sequence([seal, *raws]).results
        assert not isinstance(first, TongbanError)

    @precondition(lambda self: self.fork is not None)
    @rule(names=_SOME, mixed=st.sampled_from([False, False, True]), restarted=st.booleans())
    def show_the_fork(self, names: set[str], mixed: bool, restarted: bool) -> None:
        """Ask some of them for the other view, as politely as an honest hub would, and then for the first again.

        mixed: with entries of the first. restarted: they are started again before they see the first.
        """
        assert self.fork is not None
        before = {name: cosigner.reached for name, cosigner in self.cosigners.items()}
        self.view, self.served = self.fork, self.disk if mixed else self.fork
        for name, cosigner in self.cosigners.items():
            cosigner.reached = name in names
        log = SequencedLog(self.fork, create=False, now=self.time)
        self.runner.run(self._gathered(self._asking(log), log.sequencer.current()))
        self.view, self.served = self.disk, self.disk
        for name, reached in before.items():
            self.cosigners[name].reached = reached
        for name in sorted(names) if restarted else ():
            self.cosigners[name].restart()
            self.publish()

    def _come_right(self) -> None:
        self.hidden.clear()
        super()._come_right()

    def _is_honest(self) -> bool:
        return self.fork is None
