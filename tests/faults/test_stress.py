"""Short forms of the faults that `make faults` runs at length: wrong clocks, keys that change, full disks."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from ledger.entries import MEMBER_TYP
from ledger.errors import Unavailable
from ledger.governance import KeyRevocation, MemberRow, member_payload
from ledger.jws import sign_general
from ledger.members import KeyState
from ledger.signers import Signer
from ledger.suites import PublicKey
from ledger.transparency.fsck import check_log
from tests.faults.account import FaultCount, Run
from tests.faults.clocks import clock_steps
from tests.faults.full_disk import fill, full_disk_of, small_disk
from tests.faults.kills import read_summary
from tests.faults.rotations import rotations
from tests.faults.small_hub import SmallHub, seal_by
from tests.faults.stores import PARTS
from tests.sequenced import LOG_KEY, SequencedLog
from tests.small_log import COUNTIES, LOG, T0
from tests.stores import MemoryStore

NOW = T0 + 3600


@pytest.mark.sample
@pytest.mark.parametrize(("run", "rounds"), [(clock_steps, 2), (rotations, 2)])
def test_nothing_acknowledged_is_lost(run: Run, rounds: int, seed: int) -> None:
    check(run(rounds, seed), rounds)


@pytest.mark.sample
@pytest.mark.parametrize(("name", "pages"), [("ledger", 60), ("journal", 40), ("witness", 30), ("county", 70)])
def test_a_full_disk_stops_a_store_and_loses_nothing(name: str, pages: int, seed: int) -> None:
    check(on_a_small_disk(full_disk_of(PARTS[name], pages), 4, seed), 4)


def on_a_small_disk(run: Run, rounds: int, seed: int) -> FaultCount:
    try:
        return run(rounds, seed)
    except Unavailable as error:
        no_small_disk(error)


def no_small_disk(error: Unavailable) -> NoReturn:
    """Skip where no disk can be made; what the product raises, and a disk that the build requires, is a failure."""
    if error.code != "not_ready" or os.environ.get("TONGBAN_REQUIRE_STRACE") == "1":
        raise error
    pytest.skip(error.message)


def check(count: FaultCount, rounds: int) -> None:
    assert count.misses == (), f"TONGBAN_FAULT_SEED={count.seed}"
    assert (count.rounds, count.lost, count.twice, count.silent) == (rounds, 0, 0, 0)
    assert count.holds


async def test_a_hub_whose_disk_was_full_stays_stopped_until_it_starts_anew(tmp_path: Path) -> None:
    """Room that came back does not undo a write of unknown outcome."""
    raws = [seal_by("370214#1", COUNTIES["370214"], T0 + 60 + number) for number in range(40)]
    try:
        with small_disk(tmp_path / "disk") as disk:
            hub = SmallHub.make(disk, lambda: NOW)
            async with hub.running() as registry:
                (first,) = await registry.submit(raws[:1], wait=True)
                filler = fill(disk, leave=0)
                for room in (False, True):
                    with pytest.raises(Unavailable, match="store_stopped"):
                        await registry.submit(raws, wait=False)
                    assert registry.snapshot is not None, room
                    filler.unlink(missing_ok=True)
            async with hub.running() as registry:
                answers = await registry.submit(raws, wait=True)
            assert answers[0] == first
            assert {each.state for each in answers} == {"witnessed"}
            hub.checked()
    except Unavailable as error:
        no_small_disk(error)


async def test_a_witness_whose_clock_is_behind_cannot_date_a_checkpoint(tmp_path: Path) -> None:
    """A receipt dated before its seal would be refused for ever, as the first one is kept: so nothing is published."""
    hub = SmallHub.make(tmp_path, lambda: NOW)
    raw = seal_by("370214#1", COUNTIES["370214"], NOW)
    hub.witnesses.now, hub.wait_s = NOW - 301, 0.5
    async with hub.running() as registry:
        (answer,) = await registry.submit([raw], wait=True)
        assert (answer.state, answer.receipt) == ("sequenced", None)
        hub.witnesses.now = NOW - 300
    hub.wait_s = 20.0
    async with hub.running() as registry:
        (again,) = await registry.submit([raw], wait=True)
    assert (again.index, again.state) == (answer.index, "witnessed")
    assert hub.checked()[1][-1] == NOW - 300


class WatchingSigner:
    """Signs for the log, and looks at the key state that other threads see meanwhile."""

    def __init__(self) -> None:
        self.log: SequencedLog | None = None
        self.seen: list[KeyState] = []

    @property
    def public_key(self) -> PublicKey:
        return LOG.public_key

    def sign(self, message: bytes) -> bytes:
        if self.log is not None:
            self.seen.append(self.log.keys)
        return LOG.sign(message)


def test_no_thread_sees_a_change_of_keys_before_its_batch_is_durable() -> None:
    """With the new keys and the old size it would find a revoked key good, and the writer would believe it."""
    signer: Signer = WatchingSigner()
    log = SequencedLog(MemoryStore(), signer=signer)
    before = log.keys
    signer.log = log  # type: ignore[attr-defined]
    row = MemberRow(county="320583", revoke=(KeyRevocation(kid="320583#1"),))
    payload = member_payload(iat=T0 + 9, k=1, members=[row], prev=before.digest())
    log.sequence([sign_general(MEMBER_TYP, payload, [(f"{name}#1", each) for name, each in COUNTIES.items()])])
    assert signer.seen == [before, before]  # type: ignore[attr-defined]
    assert log.keys.keys["320583#1"].revoked == 2


def test_a_log_that_was_cosigned_again_on_another_day_holds_without_the_cosigners_keys() -> None:
    """The landmark of the first day is judged by the note that was kept then."""
    log = SequencedLog(MemoryStore())
    for days in range(3):
        log.publish(time=NOW + days * 86_400)
    assert [mark.size for mark in log.store.reader.landmarks()] == [2, 2, 2]
    assert check_log(log.store, LOG_KEY) == 2


def test_the_kill_tests_summary_is_read() -> None:
    """Rounds, and of each kind what was acknowledged, of unknown outcome, and stored all the same."""
    told = ("30 entries acknowledged", "4 entries of unknown outcome", "3 entries stored without an answer", "2 rounds")
    text = f"1 passed in 9 s\ntest_a_killed_hub_has_lost_nothing: 7 look-ups acknowledged, {', '.join(told)}\n"
    assert read_summary(text, 5) == FaultCount(
        row="F1", fault="kill -9 of the hub", seed=5, rounds=2, acknowledged=37, unknown=4, stored=40
    )


def test_counts_add_up() -> None:
    one = FaultCount(row="F4", fault="x", seed=3, rounds=1, lost=1, misses=("a",), duration_s=0.5)
    two = replace(one, seed=4, lost=0, misses=("b",))
    assert one + two == replace(one, rounds=2, misses=("a", "b"), duration_s=1.0)
    assert not (one + two).holds
