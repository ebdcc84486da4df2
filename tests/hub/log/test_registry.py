"""The registry over a real file, with witnesses behind an HTTP client without a network."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import pytest
from structlog.testing import capture_logs

from hub.log.ledgerfile import create_ledger
from hub.log.published import PublishedEntries
from hub.log.registry import LedgerRegistry, RegistryLimits
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.transparency.fsck import check_log
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import Note
from ledger.transparency.policy import Policy
from ledger.transparency.snapshot import Snapshot
from ledger.transparency.sqlite import SqliteStore
from ledger.verdict import Outcome
from ledger.verifier import verify
from tests.sequenced import EMPTY_JOURNAL, LOG_KEY, seals
from tests.small_log import GENESIS, LOG, T0
from tests.witnesses import Witnesses

NOW = T0 + 3600
PATIENT = RegistryLimits(wait_s=60, witness_s=60, sighting_s=60)  # bounds that a busy machine does not reach


@dataclass
class World:
    """One ledger file, five witnesses, and how the registry over them is set."""

    path: Path
    witnesses: Witnesses
    limits: RegistryLimits = PATIENT
    threshold: int = 3
    now: int = NOW
    journal: tuple[int, bytes] = EMPTY_JOURNAL
    shown: list[int] = field(default_factory=list)
    published: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def policy(self) -> Policy:
        return Policy.parse(self.witnesses.policy(self.threshold))

    def _on_published(self, snapshot: Snapshot) -> None:
        self.shown.append(snapshot.size)
        self.published.set()

    @asynccontextmanager
    async def registry(self) -> AsyncIterator[LedgerRegistry]:
        async with self.witnesses.client() as http:
            registry = self.make(http)
            await registry.start()
            try:
                yield registry
            finally:
                await registry.stop()

    def make(self, http: httpx2.AsyncClient) -> LedgerRegistry:
        return LedgerRegistry(
            self.path,
            signer=LOG,
            policy=self.policy,
            journal=lambda: self.journal,
            clock=lambda: self.now,
            http=http,
            on_published=self._on_published,
            limits=self.limits,
        )

    def check(self) -> int:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return check_log(SqliteStore(connection), LOG_KEY)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.published.clear()
            await self.published.wait()


@pytest.fixture
async def world(tmp_path: Path) -> World:
    path = tmp_path / "ledger.sqlite"
    create_ledger(path, GENESIS, LOG)
    return World(path=path, witnesses=Witnesses(5, LOG_KEY, now=NOW))


async def test_a_submitted_seal_comes_back_with_a_receipt_that_verifies(world: World) -> None:
    async with world.registry() as registry:
        (result,) = await registry.submit(seals(1), wait=True)
    assert (result.index, result.leaf, result.state) == (2, leaf_hash(seals(1)[0]), "witnessed")
    verdict = verify(result.receipt or b"", policy=world.policy, genesis=GENESIS, now=NOW + 5, max_age=60)
    assert verdict.outcome is Outcome.VALID
    assert world.check() == 4


async def test_a_repeated_submission_gets_the_same_index_and_receipt(world: World) -> None:
    """Also after a restart, more entries and heartbeats."""
    first, second = seals(2)
    async with world.registry() as registry:
        (original,) = await registry.submit([first], wait=True)
    world.now = world.witnesses.now = NOW + 600
    async with world.registry() as registry:
        await registry.submit([second], wait=True)
        assert list(await registry.submit([first, first], wait=True)) == [original, original]
        fresh = await registry.receipt(2)
    assert fresh != original.receipt
    assert verify(fresh, policy=world.policy, genesis=GENESIS, now=NOW + 620, max_age=60).outcome is Outcome.VALID


async def test_a_batch_of_1000_comes_back_in_order(world: World) -> None:
    raws = seals(1000)
    raws[7] = b"x"
    async with world.registry() as registry:
        results = await registry.submit(raws, wait=False)
        assert [result.code for result in results].count(None) == 999
        assert (results[7].code, results[7].index) == ("bad_encoding", None)
        indexes = [result.index for result in results if result.index is not None]
        assert indexes == sorted(set(indexes))
        assert [result.leaf for result in results if result.leaf] == [leaf_hash(raw) for raw in raws if raw != b"x"]
        for wrong in ([], seals(1001)):
            with pytest.raises(Malformed, match="limit_exceeded"):
                await registry.submit(wrong, wait=False)
    assert world.check() == 2 + 999 + 4


async def test_an_entry_is_too_old_by_the_time_of_the_last_quorum_though_the_clock_is_behind(world: World) -> None:
    (old,), (fresh,) = seals(1), seals(1, start=86_000)
    world.now = world.witnesses.now = T0 + 86_500
    async with world.registry() as registry:
        await registry.submit([fresh], wait=True)
        world.now -= 3_600
        (result,) = await registry.submit([old], wait=False)
    assert (result.code, result.index) == ("iat_too_old", None)


async def test_a_quorum_that_is_away_for_long_is_logged_once_and_so_is_its_return(world: World) -> None:
    """Every witness is needed, so that a quorum is there again only after the one that was away has answered."""
    world.threshold = 5
    with capture_logs() as lines:
        async with world.registry() as registry:
            world.witnesses.down = {"w4"}
            await registry.submit(seals(1), wait=False)
            while len(world.witnesses.sizes["w0"]) < 4:  # noqa: ASYNC110  # a list sets no event
                await asyncio.sleep(0.05)
            world.witnesses.down = set()
            await world.until(lambda: registry.size in world.shown)
    events = Counter(line["event"] for line in lines)
    assert (events["no_quorum"], events["witness_failed"]) == (1, 1)
    assert (events["quorum_again"], events["witness_answers"]) == (1, 1)


async def test_many_callers_share_a_commit(world: World) -> None:
    world.limits = replace(PATIENT, group=64, group_s=60, quiet_s=60)
    async with world.registry() as registry:
        await asyncio.gather(*(registry.submit([raw], wait=False) for raw in seals(64)))
        assert registry.size == 2 + 64 + 1


async def test_a_full_queue_pushes_back_and_nothing_of_it_is_taken(world: World) -> None:
    world.limits = replace(PATIENT, queue=10)
    async with world.registry() as registry:
        taken = asyncio.create_task(registry.submit(seals(8), wait=False))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="pushback"):
            await registry.submit(seals(3, start=20), wait=False)
        await taken
        assert (await registry.submit(seals(3, start=20), wait=False))[0].code is None


async def test_without_a_quorum_entries_are_sequenced_and_not_witnessed(world: World) -> None:
    world.witnesses.down = {"w0", "w1", "w2"}
    world.limits = replace(PATIENT, wait_s=0.2, unwitnessed=6)
    async with world.registry() as registry:
        (result,) = await registry.submit(seals(1), wait=True)
        assert (result.index, result.state, result.receipt) == (2, "sequenced", None)
        assert registry.published() is None
        while registry.alarm is None:  # noqa: ASYNC110  # a round may end after the wait; a field has no event
            await asyncio.sleep(0.01)
        assert "without" in registry.alarm
        with pytest.raises(Unavailable, match="no_log"):
            await registry.receipt(2)
        with pytest.raises(Unavailable, match="unwitnessed_backlog"):
            await registry.submit(seals(3), wait=False)
        world.witnesses.down = {"w0", "w1"}
        await world.until(lambda: 4 in world.shown)
        assert registry.alarm is None
        (again,) = await registry.submit(seals(1), wait=True)
        assert again.state == "witnessed"


async def test_the_first_quorum_wins_and_late_cosignatures_are_kept(world: World) -> None:
    world.witnesses.held_back = {"w4"}
    async with world.registry() as registry:
        (result,) = await registry.submit(seals(1), wait=True)
        assert result.state == "witnessed"
        published = registry.published()
        assert published is not None
        assert "w4.example/witness" not in published.cosigners
        world.witnesses.release.set()
        await world.until(lambda: len((registry.snapshot or published).cosigners) == 5)  # type: ignore[union-attr]
        assert registry.snapshot is not None
        assert len(Note.parse(registry.snapshot.note).signatures) == 6
        assert len(Note.parse(registry.snapshot.quorum_note).signatures) == 4


async def test_a_late_cosignature_of_an_older_size_takes_nobody_back(world: World) -> None:
    """It may come between a newer size's publication and the switch of the readers."""
    async with world.registry() as registry:
        publisher = registry._publisher
        await registry.submit(seals(1), wait=True)
        older, cosignatures = registry.snapshot, list(publisher._known.values())
        assert older is not None
        await registry.submit(seals(1, start=1), wait=True)
        publisher._show(Note.parse(older.note), older.size, cosignatures)
        assert registry.snapshot is not None
        assert (older.size, registry.snapshot.size) == (4, 6)
    assert world.shown == sorted(world.shown)


async def test_a_witness_that_holds_another_size_is_asked_again_from_there(world: World) -> None:
    """One missed two rounds, one is new: both cosign when they are there again."""
    world.witnesses.down = {"w0", "w1"}
    async with world.registry() as registry:
        await registry.submit(seals(1), wait=True)
    world.witnesses.down = set()
    world.threshold = 5
    async with world.registry() as registry:
        (result,) = await registry.submit(seals(1, start=1), wait=True)
        assert result.state == "witnessed"
    assert world.witnesses.latest["w0"].size == 6


async def test_a_witness_that_signs_nothing_of_its_own_does_not_count(world: World) -> None:
    world.witnesses.silent = {"w0", "w1", "w2"}
    world.limits = replace(PATIENT, wait_s=0.2)
    async with world.registry() as registry:
        (result,) = await registry.submit(seals(1), wait=True)
        assert (result.state, registry.published()) == ("sequenced", None)


async def test_a_witness_that_fails_in_an_unforeseen_way_stops_nobody(world: World) -> None:
    world.witnesses.broken = {"w0"}
    async with world.registry() as registry:
        (result,) = await registry.submit(seals(1), wait=True)
        assert (result.state, registry.fault) == ("witnessed", None)


async def test_a_log_behind_its_witnesses_is_not_published(world: World, tmp_path: Path) -> None:
    """An old copy of the file was put back, which could not be seen at start: nobody cosigns the fork."""
    old = (tmp_path / "old").with_suffix(".sqlite")
    create_ledger(old, GENESIS, LOG)
    async with world.registry() as registry:
        await registry.submit(seals(5), wait=True)
    world.path, world.shown, world.limits = old, [], replace(PATIENT, wait_s=0.2)
    world.witnesses.down = set(world.witnesses.names)
    async with world.registry() as registry:
        world.witnesses.down = set()
        (result,) = await registry.submit(seals(1, start=100), wait=True)
        assert (result.state, world.shown) == ("sequenced", [])


async def test_a_heartbeat_refreshes_the_same_checkpoint(world: World) -> None:
    world.limits = replace(PATIENT, heartbeat_s=0.05)
    async with world.registry() as registry:
        await registry.submit(seals(1), wait=True)
        before = registry.published()
        world.now = world.witnesses.now = NOW + 60
        await world.until(lambda: (registry.snapshot is not None) and registry.snapshot.time == NOW + 60)
        after = registry.published()
        assert before is not None
        assert after is not None
        assert (after.size, after.root) == (before.size, before.root)
        assert registry.size == before.size
    assert world.check() == 4


async def test_a_heartbeat_binds_a_grown_journal(world: World) -> None:
    world.limits = replace(PATIENT, heartbeat_s=0.05)
    async with world.registry() as registry:
        await world.until(lambda: 2 in world.shown)
        world.journal = (1, leaf_hash(b"record"))
        await world.until(lambda: 3 in world.shown)
        assert registry.size == 3


async def test_published_before_a_restart_is_shown_at_once(world: World) -> None:
    """No witness answers, and reads go on."""
    async with world.registry() as registry:
        (result,) = await registry.submit(seals(1), wait=True)
        published = registry.published()
    world.witnesses.down = set(world.witnesses.names)
    async with world.registry() as registry:
        again = registry.published()
        assert published is not None
        assert again is not None
        assert (again.size, again.time, again.root) == (published.size, published.time, published.root)
        assert verify(
            await registry.receipt(2), policy=world.policy, genesis=GENESIS, now=NOW + 5, max_age=60
        ).outcome is Outcome.VALID  # fmt: skip
        assert (await registry.submit(seals(1), wait=False))[0].index == result.index


async def test_killed_between_the_two_transactions_the_same_size_is_published(world: World) -> None:
    world.witnesses.down = set(world.witnesses.names)
    world.limits = replace(PATIENT, wait_s=0.05)
    async with world.registry() as registry:
        await registry.submit(seals(3), wait=True)
    world.witnesses.down = set()
    async with world.registry() as registry:
        await world.until(lambda: 6 in world.shown)
        assert registry.size == 6
    assert world.check() == 6


async def test_a_second_process_cannot_write(world: World) -> None:
    async with world.registry(), world.witnesses.client() as http:
        with pytest.raises(Unavailable, match="another process writes"):
            await world.make(http).start()


async def test_a_missing_ledger_is_not_made(world: World) -> None:
    world.path = world.path.with_name("other.sqlite")
    async with world.witnesses.client() as http:
        with pytest.raises(Unavailable, match="no_log"):
            await world.make(http).start()
    assert not world.path.exists()


async def test_a_store_that_moved_stops_the_ledger(world: World) -> None:
    """Somebody wrote past the lock: nothing is taken any more, callers hear it, what is published stays readable."""
    async with world.registry() as registry:
        await registry.submit(seals(1), wait=True)
        with closing(sqlite3.connect(world.path)) as other, other:
            other.execute("UPDATE head SET body = x'00'")
        for _ in range(2):
            with pytest.raises(Unavailable, match="store_stopped"):
                await registry.submit(seals(1, start=9), wait=True)
        assert isinstance(registry.fault, Conflict)
        assert (await registry.receipt(2)).startswith(b'{"v":1')


async def test_the_projection_reads_published_entries_only(world: World) -> None:
    world.limits = replace(PATIENT, wait_s=0.05)
    async with world.registry() as registry:
        entries = PublishedEntries(registry)
        await registry.submit(seals(3), wait=True)
        await world.until(lambda: 6 in world.shown)
        world.witnesses.down = set(world.witnesses.names)
        await registry.submit(seals(1, start=9), wait=True)
        assert (await entries.size(), registry.size) == (6, 8)
        assert await entries.read(0, 100) == [GENESIS, *(await entries.read(1, 5))]
        assert await entries.read(2, 2) == seals(2)
        assert await entries.read(6, 2) == ()
        (first,), (waiting,) = seals(1), seals(1, start=9)
        assert [await entries.sequenced(index) for index in (2, 6, 8)] == [first, waiting, None]
        assert await entries.seals([leaf_hash(first), leaf_hash(waiting), bytes(32)]) == {leaf_hash(first): (2, first)}


async def test_seals_are_found_by_leaf(world: World) -> None:
    async with world.registry() as registry:
        await registry.submit(seals(2), wait=False)
        leaves = [leaf_hash(raw) for raw in (*seals(1), GENESIS, b"other")]
        assert await registry.sealed_by(leaves) == {leaves[0]: "370214"}


@pytest.mark.parametrize("index", [-1, 0, 3, 99, 2**60])
async def test_a_receipt_of_no_published_seal_is_refused(world: World, index: int) -> None:
    async with world.registry() as registry:
        await registry.submit(seals(1), wait=True)
        with pytest.raises(Conflict, match="wrong_target"):
            await registry.receipt(index)


async def test_callers_who_wait_when_the_hub_stops_are_told(world: World) -> None:
    world.limits = replace(PATIENT, group_s=60, quiet_s=60)
    async with world.registry() as registry:
        waiting = asyncio.create_task(registry.submit(seals(1), wait=False))
        while not registry._queue:  # noqa: ASYNC110  # nothing announces it
            await asyncio.sleep(0)
    with pytest.raises(TongbanError, match="store_stopped"):
        await waiting
    assert world.check() == 2


async def test_a_flipped_byte_stops_the_start(world: World) -> None:
    with closing(sqlite3.connect(world.path)) as connection, connection:
        connection.execute("UPDATE tile SET h = zeroblob(64)")
    async with world.witnesses.client() as http:
        with pytest.raises(NotVerified, match="corrupt_store"):
            await world.make(http).start()
