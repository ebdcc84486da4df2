"""F11: one byte flipped, or the tail cut off, in every kind of file that is stored; each is found, or held nothing.

    python -m tests.faults.flips --rounds 500 --seed 1

    ledger.sqlite             45 rounds: 31 found, 14 where nothing is stored, 0 silent

A byte of a SQLite file may lie where nothing is stored: in a free page, behind the last cell of one, in a counter that
the next writer sets anew. That it did is shown, not assumed: every row and every statement of the schema reads as
before, by way of tables and by way of indexes.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ledger.errors import TongbanError
from tests.faults.account import FaultCount
from tests.faults.stored_files import Kind, stored_files

__all__ = ["Flips", "flip_files", "run"]

_CUT_EVERY: Final = 10  # rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Rounds over files of one kind. unused: the byte held nothing. silent: sentences, one a change that nobody found.

    crashed: sentences, one a check that ended in an error of its own instead of a verdict.
    """

    name: str
    rounds: int = 0
    found: int = 0
    unused: int = 0
    silent: tuple[str, ...] = ()
    crashed: tuple[str, ...] = ()

    def __str__(self) -> str:
        rest = f"{self.unused} where nothing is stored, {len(self.silent)} silent"
        return f"{self.name:24} {self.rounds:4} rounds: {self.found} found, {rest}"


def flip_files(rounds: int, seed: int) -> list[Flips]:
    """Damage files `rounds` times in all, the kinds in turn, round n by the seed `seed + n`."""
    with tempfile.TemporaryDirectory(prefix="tongban-flips-") as folder, stored_files(Path(folder)) as kinds:
        for kind in kinds:
            kind.check()
        counts = {kind.name: Flips(name=kind.name) for kind in kinds}
        for number in range(rounds):
            kind = kinds[number % len(kinds)]
            cut = number // len(kinds) % _CUT_EVERY == _CUT_EVERY - 1
            counts[kind.name] = _round(kind, counts[kind.name], seed + number, cut=cut)
    return list(counts.values())


def _round(kind: Kind, count: Flips, seed: int, *, cut: bool) -> Flips:
    chance = random.Random(seed)
    path = chance.choice(kind.files)
    sound = path.read_bytes()
    rows = _dump(path) if kind.is_database else None
    place = chance.randrange(len(sound))
    damaged = sound[:place] if cut else _flipped(sound, place, chance.randrange(1, 256))
    what = f"seed {seed}: {path.name} {'cut off' if cut else 'flipped'} at {place} of {len(sound)}"
    count = replace(count, rounds=count.rounds + 1)
    try:
        path.write_bytes(damaged)
        kind.check()
    except TongbanError:
        return replace(count, found=count.found + 1)
    except Exception as error:  # noqa: BLE001  # any other end of a check is what is looked for here
        return replace(count, crashed=(*count.crashed, f"{what}: {type(error).__name__}: {error}"))
    else:
        if rows is not None and _dump(path) == rows:
            return replace(count, unused=count.unused + 1)
        return replace(count, silent=(*count.silent, what))
    finally:
        path.write_bytes(sound)
        for beside in path.parent.glob(f"{path.name}-*"):
            beside.unlink()


def _flipped(data: bytes, place: int, by: int) -> bytes:
    return data[:place] + bytes([data[place] ^ by]) + data[place + 1 :]


def _dump(path: Path) -> list[object] | None:
    """Read every row by its table, and all that the indexes hold; None if SQLite cannot."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
            names = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
            tables = [name for kind, name, _, _ in names if kind == "table"]
            text = 'SELECT * FROM "{}"'
            return [names, *(connection.execute(text.format(table)).fetchall() for table in tables)]
    except sqlite3.DatabaseError:
        return None


def run(rounds: int, seed: int) -> FaultCount:
    """Give the row of the fault table."""
    start = time.monotonic()
    counts = flip_files(rounds, seed)
    found, unused = (sum(getattr(each, name) for each in counts) for name in ("found", "unused"))
    silent = [each for count in counts for each in count.silent]
    return FaultCount(
        row="F11",
        fault=f"a byte flipped, a tail cut off: {found} found, {unused} where nothing is stored",
        seed=seed,
        rounds=rounds,
        silent=len(silent),
        misses=(*silent, *(each for count in counts for each in count.crashed)),
        duration_s=time.monotonic() - start,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the counts of each kind; exit code 1 if anything was silent."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.flips")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    counts = flip_files(chosen.rounds, chosen.seed)
    wrong = [sentence for count in counts for sentence in (*count.silent, *count.crashed)]
    print("\n".join([*map(str, counts), *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
