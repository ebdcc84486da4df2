"""EIO, ENOSPC, EINTR and SIGKILL at the system calls that change a file; and what is on disk before it is told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

import pytest

from ledger.errors import TongbanError
from tests.faults.crashes import calls_of
from tests.faults.power_cuts import Disk, after_a_cut, files_in, power_cuts_of
from tests.faults.stores import PARTS
from tests.faults.victims import Victims
from tests.strace import Strace

SAMPLES: Final = {"ledger": 20, "journal": 14, "witness": 14, "county": 14}
ANNOUNCED: Final = {"pid", "sent", "asked", "record", "reached", "error"}
"""What a child says before it has done anything; all else is an acknowledgement."""
CALL: Final = re.compile(r"^\d+ +(pwrite64|write|fdatasync|fsync)\(\d+<([^>]+)>")
TOLD: Final = re.compile(r'^\d+ +writev\(\d+<[^>]+>+, \[\{iov_base="\[\\"(\w+)\\"')


@pytest.mark.sample
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_whatever_call_fails_nothing_acknowledged_is_lost(name: str, seed: int, strace: Strace) -> None:
    """A sample of call x fault, chosen by the seed; `make faults` takes them all."""
    count = calls_of(PARTS[name])(SAMPLES[name], seed)
    assert count.misses == (), f"TONGBAN_FAULT_SEED={seed}"
    assert (count.rounds, count.lost, count.twice, count.silent) == (SAMPLES[name], 0, 0, 0)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_nothing_is_told_before_it_is_on_disk(name: str, tmp_path: Path, strace: Strace) -> None:
    """A killed process loses no page that the kernel has, a power cut does: so the order of the calls is compared."""
    with Victims.of(PARTS[name], tmp_path) as victims:
        assert told_too_early(victims.trace(strace)) == []


def told_too_early(trace: Sequence[str]) -> list[str]:
    """Give the acknowledgements that went out while something written was not synced: what, and which files."""
    unsynced: set[str] = set()
    early, told = [], 0
    for line in trace:
        if (call := CALL.match(line)) and not call[2].endswith("-shm"):  # that one is made anew from the others
            (unsynced.add if "write" in call[1] else unsynced.discard)(call[2])
        if (said := TOLD.match(line)) and said[1] not in ANNOUNCED:
            told += 1
            early += [f"{said[1]}: {Path(path).name}" for path in sorted(unsynced)]
    assert told > 2
    return early


@pytest.mark.sample
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_power_cut_takes_nothing_that_was_acknowledged(name: str, seed: int, strace: Strace) -> None:
    """What was synced is there, of the rest nothing or anything."""
    count = power_cuts_of(PARTS[name])(16, seed)
    assert count.misses == (), f"TONGBAN_FAULT_SEED={seed}"
    assert (count.rounds, count.lost, count.twice, count.silent) == (16, 0, 0, 0)


def test_without_its_syncs_a_store_would_lose_what_it_acknowledged(tmp_path: Path, strace: Strace) -> None:
    """The same check, of a run whose syncs were left out: it does see what is lost."""
    with Victims.of(PARTS["journal"], tmp_path) as victims, victims.beginning() as folder:
        before = files_in(folder)
        told, trace = victims.traced(folder, strace)
    unsynced = [line for line in trace if "fdatasync" not in line]
    lost = 0
    for number in range(40):
        with suppress(AssertionError, TongbanError):  # some of it is found damaged
            lost += after_a_cut(PARTS["journal"], before, unsynced, told, Random(number)).lost
    assert lost > 0


def test_a_disk_keeps_what_was_synced() -> None:
    """A write, a truncation and a deletion count when their file, or its folder, was synced."""
    disk = Disk()
    lines = [
        '7 pwrite64(4</x/a>, "\\x01\\x02\\x03", 3, 2) = 3',
        '7 pwrite64(5</x/b>, "\\x07", 1, 0) = 1',
        "7 fdatasync(4</x/a>) = 0",
        "7 ftruncate(4</x/a>, 3) = 0",
        '7 pwrite64(4</x/a>, "\\x09", 1, 9) = ? ERESTARTSYS',
    ]
    for line in lines:
        disk.take(line)
    assert disk.synced == {"/x/a": b"\x00\x00\x01\x02\x03"}
    disk.take("7 fsync(4</x/a>) = 0")
    disk.take('7 unlink("/x/a") = 0')
    assert disk.synced == {"/x/a": b"\x00\x00\x01"}
    disk.take("7 fdatasync(6</x>) = 0")
    assert disk.synced == {}
    assert [each.path for each in disk.pending] == ["/x/b"]


def test_an_acknowledgement_before_the_sync_is_seen() -> None:
    lines = [
        '7 pwrite64(4</x/ledger.sqlite-wal>, "a", 1, 0) = 1',
        '7 writev(9<pipe:[1]>, [{iov_base="[\\"index\\", \\"00"}], 1) = 9',
        "7 fdatasync(4</x/ledger.sqlite-wal>) = 0",
        *['7 writev(9<pipe:[1]>, [{iov_base="[\\"receipt\\", \\"00"}], 1) = 9'] * 2,
    ]
    assert told_too_early(lines) == ["index: ledger.sqlite-wal"]
