"""A hub does not start on a copy of its ledger that is older than what a witness has cosigned."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.database import open_reader
from hub.log.ledgerfile import create_ledger
from hub.log.registry import LedgerRegistry, RegistryLimits
from ledger.errors import NotVerified
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.evidence import SAME_SIZE, ForkEvidence
from ledger.transparency.note import NoteSignature, keyring
from ledger.transparency.policy import Policy
from ledger.transparency.sqlite import read_state
from ledger.transparency.witness import Latest
from tests.entropy import signer_of
from tests.sequenced import EMPTY_JOURNAL, LOG_KEY, seals
from tests.small_log import GENESIS, LOG, ORIGIN, T0
from tests.witnesses import Witnesses

NOW = T0 + 3600


@dataclass
class World:
    """A ledger file and three witnesses; two are a quorum."""

    path: Path
    witnesses: Witnesses

    @asynccontextmanager
    async def registry(self, path: Path | None = None) -> AsyncIterator[LedgerRegistry]:
        async with self.witnesses.client() as http:
            made = LedgerRegistry(
                path or self.path, signer=LOG, policy=Policy.parse(self.witnesses.policy(2)),
                journal=lambda: EMPTY_JOURNAL, clock=lambda: NOW, http=http,
                limits=RegistryLimits(wait_s=60, witness_s=60, sighting_s=60),
            )  # fmt: skip
            await made.start()
            try:
                yield made
            finally:
                await made.stop()

    async def submit(self, start: int) -> None:
        async with self.registry() as registry:
            await registry.submit(seals(2, start=start), wait=True)

    def show(self, name: str, checkpoint: Checkpoint, signer: object = LOG) -> None:
        """Let a witness show a checkpoint that it says it cosigned."""
        note = sign_checkpoint(checkpoint, checkpoint.origin, signer)  # type: ignore[arg-type]
        note += NoteSignature(name="w.example", key_id=b"junk", blob=bytes(9_000)).line()
        self.witnesses.latest[name] = Latest(size=checkpoint.size, root=checkpoint.root, time=NOW, note=note)


@pytest.fixture
async def world(tmp_path: Path) -> World:
    path = tmp_path / "ledger.sqlite"
    create_ledger(path, GENESIS, LOG)
    made = World(path, Witnesses(3, LOG_KEY, now=NOW))
    await made.submit(0)
    return made


def note_in(path: Path) -> bytes:
    with closing(open_reader(path)) as connection:
        return read_state(connection).note


async def test_an_old_copy_does_not_start_and_signs_nothing(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    shutil.copyfile(world.path, copy)
    signed = note_in(copy)
    await world.submit(10)
    with pytest.raises(NotVerified, match="has cosigned 8 entries, the store ends at 5: it is an old copy"):
        async with world.registry(copy):
            pass
    assert note_in(copy) == signed
    await world.submit(20)


async def test_one_witness_that_has_seen_more_is_enough(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    shutil.copyfile(world.path, copy)
    await world.submit(10)
    world.witnesses.down, world.witnesses.broken = {"w0"}, {"w1"}
    with pytest.raises(NotVerified, match="witness w2 has cosigned 8 entries"):
        async with world.registry(copy):
            pass


async def test_another_tree_of_the_same_size_is_no_beginning(world: World) -> None:
    evidence = world.path.with_name("fork-evidence.json")
    for size in (5, 4, 3, 1):
        world.show("w1", Checkpoint(origin=ORIGIN, size=size, root=b"x" * 32))
        with pytest.raises(NotVerified, match=f"witness w1 has cosigned another tree of {size} entries"):
            async with world.registry():
                pass
        found = ForkEvidence.parse(evidence.read_bytes())
        assert found.prove(keyring([LOG_KEY]))
        assert found == found.cut(keyring([LOG_KEY]))
        evidence.unlink()


async def test_the_first_proof_of_a_fork_is_kept(world: World) -> None:
    evidence = world.path.with_name("fork-evidence.json")
    for size in (5, 3):
        world.show("w1", Checkpoint(origin=ORIGIN, size=size, root=b"x" * 32))
        with pytest.raises(NotVerified, match="another tree"):
            async with world.registry():
                pass
    assert ForkEvidence.parse(evidence.read_bytes()).check(keyring([LOG_KEY])) == SAME_SIZE


@pytest.mark.parametrize(
    ("origin", "signer"), [(ORIGIN, signer_of("stranger")), ("other.example/ledger", LOG)], ids=["key", "origin"]
)
async def test_what_the_log_did_not_sign_keeps_no_hub_from_starting(world: World, origin: str, signer: object) -> None:
    world.show("w1", Checkpoint(origin=origin, size=999, root=b"x" * 32), signer)
    async with world.registry() as registry:
        assert registry.size == 5


async def test_witnesses_that_say_nothing_keep_no_hub_from_starting(world: World) -> None:
    world.witnesses.latest["w0"] = Latest(size=9, root=b"", time=NOW, note=b"x" * 70_000)
    world.witnesses.down, world.witnesses.broken = {"w1"}, {"w2"}
    async with world.registry() as registry:
        assert registry.fault is None


async def test_a_start_that_fails_gives_the_lock_back(world: World) -> None:
    world.show("w1", Checkpoint(origin=ORIGIN, size=999, root=b"x" * 32))
    for _ in range(2):
        with pytest.raises(NotVerified, match="corrupt_store"):
            async with world.registry():
                pass
