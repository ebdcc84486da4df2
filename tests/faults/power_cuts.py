r"""Power cuts: what a disk holds when it lost what was never synced, at any moment of a part's work.

A killed process loses nothing that the kernel has; a power cut does. So a run is traced with all that it writes, and the
files are put together again as they would be found after a cut: all that a sync had reached, and of the rest nothing, or
any of it, in any order, torn at a sector. Then the part is checked as after a crash, with what it had told by then.

    pwrite64(4</…/ledger.sqlite-wal>, "\x37\x7f…", 4096, 56) = 4096        lost until
    fdatasync(4</…/ledger.sqlite-wal>) = 0                                  here
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.faults.account import FaultCount, Run
from tests.faults.crashes import counted
from tests.faults.parts import Finding, Part, Told
from tests.faults.victims import Victims
from tests.strace import find_strace

__all__ = ["Disk", "after_a_cut", "files_in", "power_cuts_of"]

_SECTOR: Final = 512
_ON_FILE: Final = re.compile(r"\d+ +(pwrite64|ftruncate|fsync|fdatasync)\(\d+<([^>]*)>(?:, (.*))?\) += \d+$")
_UNLINK: Final = re.compile(r'\d+ +unlink\("([^"]*)"\) += 0$')
_TOLD: Final = re.compile(r"\d+ +writev\(")


@dataclass(slots=True)
class _Change:
    """A change that no sync has reached. data: None for a truncation to `offset`; both None: unlinked."""

    path: str
    offset: int | None = None
    data: bytes | None = None

    def apply(self, files: dict[str, bytearray], length: int | None = None) -> None:
        """Make it. length: of a write only so many bytes."""
        if self.offset is None:
            files.pop(self.path, None)
            return
        file = files.setdefault(self.path, bytearray())
        if self.data is None:
            file[self.offset :] = bytes(max(self.offset - len(file), 0))
            return
        data = self.data[:length]
        file.extend(bytes(max(self.offset - len(file), 0)))
        file[self.offset : self.offset + len(data)] = data


@dataclass(slots=True)
class Disk:
    """Files by their path. synced: what no power cut takes away. pending: what one may."""

    synced: dict[str, bytearray] = field(default_factory=dict)
    pending: list[_Change] = field(default_factory=list)

    def take(self, line: str) -> None:
        """Follow one traced call; any other line is passed over."""
        if found := _UNLINK.match(line):
            self.pending.append(_Change(_text(found[1])))
        if found := _ON_FILE.match(line):
            call, path, rest = found[1], _text(found[2]), found[3] or ""
            if call == "pwrite64":
                data, _, offset = rest.rsplit(", ", 2)
                self.pending.append(_Change(path, int(offset), _bytes(data.strip('"'))))
            elif call == "ftruncate":
                self.pending.append(_Change(path, int(rest)))
            else:
                self._sync(path)

    def _sync(self, path: str) -> None:
        """Keep what a sync of a file reaches, its own changes, or one of a folder: what was unlinked in it."""
        for each in list(self.pending):
            if each.path == path or (each.offset is None and str(Path(each.path).parent) == path):
                each.apply(self.synced)
                self.pending.remove(each)

    def cut(self, chance: Random) -> dict[str, bytes]:
        """Give the files as they are found afterwards."""
        files = {path: bytearray(content) for path, content in self.synced.items()}
        kept = chance.choice([0.0, 0.5, 0.9])
        for each in self.pending:
            if chance.random() < kept:
                torn = chance.random() < 0.2 and each.data is not None
                each.apply(files, chance.randrange(len(each.data or b"") // _SECTOR + 1) * _SECTOR if torn else None)
        return {path: bytes(content) for path, content in files.items()}


def _text(escaped: str) -> str:
    return _bytes(escaped).decode() if escaped.startswith("\\x") else escaped


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def power_cuts_of(part: Part) -> Run:
    """Give the run that cuts the power under a part: one traced run, `rounds` moments of it."""

    def run(rounds: int, seed: int) -> FaultCount:
        strace = find_strace()
        with (
            tempfile.TemporaryDirectory(prefix="faults-") as name,
            Victims.of(part, Path(name) / part.name) as victims,
            victims.beginning() as folder,
        ):
            before = files_in(folder)
            told, trace = victims.traced(folder, strace)
            ways = [
                (f"seed {number}", _way(part, before, trace, told, number)) for number in range(seed, seed + rounds)
            ]
            return counted(FaultCount(row="F10", fault=f"power cuts, {part.name}", seed=seed), ways)

    return run


def _way(
    part: Part, before: dict[str, bytes], trace: Sequence[str], told: Told, seed: int
) -> Callable[[], Finding]:  # fmt: skip
    return lambda: after_a_cut(part, before, trace, told, Random(seed))


def after_a_cut(part: Part, before: dict[str, bytes], trace: Sequence[str], told: Told, chance: Random) -> Finding:
    """Check what is found after a cut at a random moment of a trace. before: the files at its beginning, by path."""
    end = chance.randrange(len(trace) + 1)
    disk = Disk({path: bytearray(content) for path, content in before.items()})
    for line in trace[:end]:
        disk.take(line)
    count = sum(_TOLD.match(line) is not None for line in trace[:end])
    by_then = Told(lines=told.lines[:count], killed=True, error=None)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        found, root = Path(name) / "data", Path(next(iter(before))).parent
        for path, content in disk.cut(chance).items():
            target = found / Path(path).relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.write_bytes(content)
            target.chmod(0o600)
        return part.check(found, by_then)


def files_in(folder: Path) -> dict[str, bytes]:
    """Read all files; the first one lies in `folder` itself, so that its parent is the root."""
    (folder / "root").touch()
    paths = [folder / "root", *(path for path in sorted(folder.rglob("*")) if path.is_file())]
    return {str(path): path.read_bytes() for path in paths}
