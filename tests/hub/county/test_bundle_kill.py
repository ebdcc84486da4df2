"""A county that is killed while it makes bundles keeps every one that it handed out, whole, each behind the one before."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hub.bundles.sealed import opened_bundle
from hub.county.bundles import CountyBundles
from tests.alliance import NOW
from tests.closed_network import HUB_KEY
from tests.county_folder import CountyFolder

_ROOT = Path(__file__).parents[3]
_ROUNDS = 3


def _killed_after(folder: CountyFolder, bundles: int, delay: int) -> int:
    """Let bundles be made, and kill it somewhere in the next one; give the number of the last that was handed out."""
    command = [sys.executable, "-m", "tests.bundle_child", str(folder.data)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(bundles)]
        for _ in range(delay):
            pass
        child.kill()
        told += child.stdout.readlines()  # what it handed out meanwhile
    return int(told[-1])


def _kept(bundles: CountyBundles) -> list[int]:
    """Check every bundle that is noted: its file is whole, opens, and names the one before it. Give their sizes in lines."""
    with bundles._database.reading() as connection:
        rows = connection.execute("SELECT number, digest FROM bundle ORDER BY number").fetchall()
    previous, lines = None, []
    for number, digest in rows:
        with opened_bundle(bundles.again(number)) as bundle:
            assert (bundle.signed.digest, bundle.head.number, bundle.head.previous) == (digest, number, previous)
            lines.append(sum(1 for _ in bundle.check_body().lines(HUB_KEY)))
        previous = digest
    assert [number for number, _ in rows] == list(range(1, len(rows) + 1))
    return lines


@pytest.mark.kill
def test_what_was_handed_out_is_kept_whole_and_in_its_order(tmp_path: Path) -> None:
    """An entry, a record and a face of every license that was sealed before; what was half made is nowhere."""
    folder, chance = CountyFolder.make(tmp_path), random.Random(12)
    for _ in range(_ROUNDS):
        told = _killed_after(folder, chance.randint(1, 4), chance.randrange(600_000))
        with folder.opened() as node, closing(CountyBundles(node)) as bundles:
            lines = _kept(bundles)
            assert told <= len(lines) <= told + 1
            assert lines == sorted(lines)
            made = bundles.export(HUB_KEY, NOW, faces=True)
            assert made is not None
            assert (made.number, _kept(bundles)[-1]) == (len(lines) + 1, 3 * node.records.count())
            assert [path.name for path in made.path.parent.iterdir() if path.name.startswith(".")] == []
