"""The lane over a scripted server: pipelining, failures, lost, slow and silent connections, and what the driver takes."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from hub.graph.bolt.connection import Pace
from hub.graph.bolt.lane import LaneBounds
from hub.graph.driver import Deadlines
from hub.graph.failures import may_be_of_one_key
from ledger.errors import Unavailable
from schema.context import Statement
from tests.bolt_lanes import busy, lane_to, until, value
from tests.bolt_server import NOOP, BoltServer, Run, Talk, echo, record, success
from tests.graphs import PATIENT

_RUN, _RESET, _LOGON = 0x10, 0x0F, 0x6A
_QUICK: Final = Pace(stall_s=0.02, silence_s=60.0)
_SYNTAX: Final = "Neo.ClientError.Statement.SyntaxError"


async def test_reads_are_sent_without_waiting_for_answers_and_in_read_mode() -> None:
    gate = asyncio.Event()

    async def held(talk: Talk, run: Run) -> None:
        await gate.wait()
        await echo(talk, run)

    async with (
        BoltServer(answer=held) as server,
        lane_to(server.engine(), bounds=LaneBounds(connections=1)) as (lane, _),
    ):
        reads = [asyncio.create_task(lane.read(value(number))) for number in range(20)]
        await until(lambda: len(server.talks) == 1 and server.kinds(_RUN) == 1)
        gate.set()
        assert await asyncio.gather(*reads) == [[number] for number in range(20)]
        assert len(server.talks) == 1
        assert server.talks[0].runs[0].extra == {"mode": "r", "db": "hub", "tx_timeout": 60_000}
        await lane.read(Statement(text="", parameters={"v": 1}, bookmarks=("b:1",)))
        assert server.talks[0].runs[-1].extra["bookmarks"] == ["b:1"]


async def test_connections_are_opened_when_the_others_are_busy_and_no_more_than_told() -> None:
    async with BoltServer() as server, lane_to(server.engine(), bounds=LaneBounds(connections=3)) as (lane, _):
        for number in range(5):
            await lane.read(value(number))
        assert len(server.talks) == 1
        await busy(lane, lambda: len(server.talks) == 3)
        await asyncio.gather(*(lane.read(value(number)) for number in range(50)))
        assert len(server.talks) == 3


@pytest.mark.parametrize("piece", [0, 1, 7])
async def test_answers_in_pieces_with_empty_chunks_between(piece: int) -> None:
    async def noisy(talk: Talk, run: Run) -> None:
        answer = success(fields=["r"]) + NOOP * 2 + record([run.parameters["v"]]) + NOOP + success() + NOOP
        await talk.give(answer)

    async with BoltServer(answer=noisy, piece=piece) as server, lane_to(server.engine()) as (lane, _):
        assert await asyncio.gather(*(lane.read(value(number)) for number in range(5))) == [[n] for n in range(5)]


async def test_messages_beyond_64_kib_both_ways() -> None:
    async with BoltServer() as server, lane_to(server.engine()) as (lane, beside):
        large = ["x" * 1000] * 300
        assert await lane.read(value(large)) == [large]
        assert beside.taken == []


async def test_a_failure_fails_its_own_read_and_the_ignored_are_asked_again() -> None:
    async def picky(talk: Talk, run: Run) -> None:
        if run.parameters["v"] % 4 == 1:
            await talk.fail(_SYNTAX)
        else:
            await echo(talk, run)

    async with BoltServer(answer=picky) as server, lane_to(server.engine()) as (lane, _):
        reads = [lane.read(value(number)) for number in range(40)]
        for number, answer in enumerate(await asyncio.gather(*reads, return_exceptions=True)):
            if number % 4 == 1:
                assert str(answer) == f"graph_unavailable: the graph does not answer: {_SYNTAX}"
                assert may_be_of_one_key(answer)
            else:
                assert answer in ([number], "by the driver")  # the driver's while each connection was being reset
        assert server.kinds(_RESET) > 0


async def test_a_transient_failure_is_tried_again() -> None:
    async def once(talk: Talk, run: Run) -> None:
        if server.kinds(_RUN) == 1:
            await talk.fail("Neo.TransientError.Transaction.DeadlockDetected")
        else:
            await echo(talk, run)

    async with BoltServer(answer=once) as server, lane_to(server.engine()) as (lane, _):
        assert await lane.read(value(1)) == [1]
        assert server.kinds(_RUN) == 2


async def test_a_connection_lost_in_the_middle_of_an_answer_costs_nobody_his() -> None:
    async def cut(talk: Talk, run: Run) -> None:
        if talk.number == 0 and len(talk.runs) == 3:
            await talk.give(success() + record([1])[:-3])
            talk.cut()
        elif talk.number > 0 or len(talk.runs) < 3:
            await echo(talk, run)

    async with (
        BoltServer(answer=cut) as server,
        lane_to(server.engine(), bounds=LaneBounds(connections=1)) as (lane, _),
    ):
        reads = [lane.read(value(number)) for number in range(10)]
        assert await asyncio.gather(*reads) == [[number] for number in range(10)]
        assert len(server.talks) == 2


async def test_a_server_that_always_breaks_off_is_unavailable_at_the_deadline() -> None:
    async def cut(talk: Talk, _run: Run) -> None:
        talk.cut()

    async with (
        BoltServer(answer=cut) as server,
        lane_to(server.engine(), deadlines=Deadlines(read_s=0.2)) as (lane, _),
    ):
        with pytest.raises(Unavailable) as failed:
            await lane.read(value(1))
        assert failed.value.code == "deadline"


async def test_a_reader_that_goes_or_is_late_closes_no_connection() -> None:
    gate = asyncio.Event()

    async def first_late(talk: Talk, run: Run) -> None:
        if run.parameters["v"] == "late":
            await gate.wait()
        await echo(talk, run)

    limits = LaneBounds(connections=1)
    async with BoltServer(answer=first_late) as server, lane_to(server.engine(), bounds=limits) as (lane, beside):
        beside.deadlines = Deadlines(read_s=0.05)
        with pytest.raises(Unavailable, match=r"^deadline: "):
            await lane.read(value("late"))
        beside.deadlines = PATIENT
        gone = asyncio.create_task(lane.read(value(1)))
        await until(lambda: server.kinds(_RUN) == 1)
        gone.cancel()
        gate.set()
        assert await lane.read(value(2)) == [2]
        assert len(server.talks) == 1


async def test_who_waits_behind_a_slow_statement_is_asked_elsewhere() -> None:
    gate = asyncio.Event()

    async def slow(talk: Talk, run: Run) -> None:
        if run.parameters["v"] == "slow":
            await gate.wait()
        await echo(talk, run)

    async with BoltServer(answer=slow) as server, lane_to(server.engine(), pace=_QUICK) as (lane, beside):
        reads = [asyncio.create_task(lane.read(value(what))) for what in ("slow", *range(8))]
        assert await asyncio.gather(*reads[1:]) == [[number] for number in range(8)]
        assert not reads[0].done()
        gate.set()
        assert await reads[0] == ["slow"]
        assert beside.taken == []


async def test_while_every_connection_is_held_up_the_driver_reads() -> None:
    gate = asyncio.Event()

    async def held(talk: Talk, run: Run) -> None:
        await gate.wait()
        await echo(talk, run)

    limits = LaneBounds(connections=2)
    async with (
        BoltServer(answer=held) as server,
        lane_to(server.engine(), bounds=limits, pace=_QUICK) as (lane, beside),
    ):
        reads = [asyncio.create_task(lane.read(value(number))) for number in range(2)]
        await until(lambda: server.kinds(_RUN) == 2)
        pool = lane._pool
        assert pool is not None
        await until(lambda: all(connection.stalled for connection in pool._live))
        assert await lane.read(value(2)) == "by the driver"
        gate.set()
        assert await asyncio.gather(*reads) == [[0], [1]]
        assert len(beside.taken) == 1


async def test_what_does_not_fit_goes_by_the_driver() -> None:
    limits = LaneBounds(connections=1, in_flight=2, message=2000)
    async with BoltServer() as server, lane_to(server.engine(), bounds=limits) as (lane, beside):
        assert await lane.read(value("x" * 2000)) == "by the driver"
        answers = await asyncio.gather(*(lane.read(value(number)) for number in range(6)))
        assert answers == [[0], [1], *["by the driver"] * 4]
        assert len(beside.taken) == 5


async def test_a_server_that_goes_silent_is_left_when_it_said_it_would_not() -> None:
    async def silent(talk: Talk, run: Run) -> None:
        if talk.number > 0:
            await echo(talk, run)

    hints, limits = {"connection.recv_timeout_seconds": 1}, LaneBounds(connections=1)
    async with BoltServer(answer=silent, hints=hints) as server, lane_to(server.engine(), bounds=limits) as (lane, _):
        assert await lane.read(value(1)) == [1]
        assert len(server.talks) == 2


async def test_empty_chunks_keep_a_connection_that_is_at_work() -> None:
    async def busy(talk: Talk, run: Run) -> None:
        for _ in range(30):
            await talk.give(NOOP)
            await asyncio.sleep(0.01)
        await echo(talk, run)

    pace = Pace(stall_s=0.02, silence_s=0.1)
    async with BoltServer(answer=busy) as server, lane_to(server.engine(), pace=pace) as (lane, _):
        assert await lane.read(value(1)) == [1]
        assert server.kinds(_RUN) == 1


async def test_the_lane_follows_the_engine_to_another_place_and_password() -> None:
    async with BoltServer() as first, BoltServer(password="another") as second:
        engine = first.engine()
        async with lane_to(engine) as (lane, _):
            assert await lane.read(value(1)) == [1]
            engine.uri, engine.auth = second.engine().uri, ("neo4j", "another")
            assert await lane.read(value(2)) == [2]
            await until(first.talks[0].writer.is_closing)
        assert [len(server.talks) for server in (first, second)] == [1, 1]


async def test_a_refused_password_is_told_and_not_tried_again_and_again() -> None:
    """Neo4j locks a user for that."""
    async with BoltServer(password="another") as server, lane_to(server.engine()) as (lane, _):
        for _ in range(5):
            with pytest.raises(Unavailable) as refused:
                await lane.read(value(1))
            assert str(refused.value).endswith("Neo.ClientError.Security.Unauthorized")
        assert server.kinds(_LOGON) == 1


@pytest.mark.parametrize("version", [(0, 0), (6, 0), (80, 84)])
async def test_a_server_of_no_common_version_is_left_to_the_driver_and_one_that_lies_is_not_asked(
    version: tuple[int, int],
) -> None:
    short = Deadlines(read_s=0.1)
    async with BoltServer(version=version) as server, lane_to(server.engine(), deadlines=short) as (lane, beside):
        if version == (0, 0):
            assert [await lane.read(value(1)) for _ in range(2)] == ["by the driver"] * 2
            assert (len(beside.taken), len(server.talks)) == (2, 1)
        else:  # it chose what nobody offered
            with pytest.raises(Unavailable):
                await lane.read(value(1))


@pytest.mark.parametrize("version", [(4, 4), (5, 1), (5, 2), (5, 3), (5, 4)])
async def test_each_version_of_the_offer_is_spoken(version: tuple[int, int]) -> None:
    async with BoltServer(version=version) as server, lane_to(server.engine()) as (lane, _):
        assert await lane.read(value(1)) == [1]
        assert server.kinds(_LOGON) == (version > (5, 0))
