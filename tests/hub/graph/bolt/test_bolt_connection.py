"""One connection, byte by byte, without a socket: whatever comes, each reader is told once, and only in known ways."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo4j.exceptions import ClientError, ServiceUnavailable

from hub.graph.bolt.codec import find_codec
from hub.graph.bolt.connection import BoltConnection, Pace, Unanswered
from hub.graph.bolt.messages import MAX_MESSAGE, RESET, chunked
from ledger.errors import Unavailable
from tests.bolt_server import NOOP, failure, record, success

_CODEC: Final = find_codec()
_VERSION: Final = bytes((0, 0, 4, 5))
_IGNORED: Final = chunked(b"\xb0\x7e")
_SYNTAX: Final = "Neo.ClientError.Statement.SyntaxError"


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.written.append(data)

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return self.closed

    def abort(self) -> None:
        """Close."""
        self.closed = True

    close = abort


def connected() -> tuple[BoltConnection, Transport]:
    """Give a connection that has agreed on a version."""
    connection, transport = BoltConnection(_CODEC, Pace()), Transport()
    connection.connection_made(cast("asyncio.Transport", transport))
    connection.data_received(_VERSION)
    return connection, transport


def answered(value: Any) -> bytes:
    """Spell out the answer to one read."""
    return success(fields=["r"]) + record(value) + success(type="r")


async def outcomes(answers: Iterable[asyncio.Future[Any]]) -> list[Any]:
    """Give values and errors, all of which must be there."""
    return await asyncio.gather(*answers, return_exceptions=True)


async def test_what_is_asked_in_one_turn_leaves_in_one_write() -> None:
    connection, transport = connected()
    answers = [connection.ask(b"%d" % number, 2) for number in range(3)]
    assert (transport.written, connection.load, connection.size) == ([], 3, 3)
    await asyncio.sleep(0)
    assert transport.written == [b"012"]
    connection.data_received(b"".join(map(answered, "abc")))
    assert await outcomes(answers) == [[["a"]], [["b"]], [["c"]]]
    assert (connection.load, connection.size) == (0, 0)
    connection.close()


@given(st.integers(1, 40), st.lists(st.sampled_from([1, 20, "x" * 70_000, [None, "省"], {}]), min_size=1, max_size=4))
def test_an_answer_may_come_in_any_pieces(piece: int, values: list[Any]) -> None:
    async def told() -> None:
        connection, _ = connected()
        answers = [connection.ask(b"", 2) for _ in values]
        data = NOOP + NOOP.join(map(answered, values)) + NOOP * 3
        step = piece if len(data) < 1000 else piece * 997
        for start in range(0, len(data), step):
            connection.data_received(data[start : start + step])
        assert await outcomes(answers) == [[[value]] for value in values]
        connection.close()

    asyncio.run(told())


async def test_after_a_failure_what_was_ignored_is_to_be_asked_again() -> None:
    connection, transport = connected()
    answers = [connection.ask(b"", 2) for _ in range(4)]
    connection.data_received(answered(1) + failure(_SYNTAX) + _IGNORED)
    assert not connection.ready
    await asyncio.sleep(0)
    assert transport.written[-1].endswith(RESET)
    connection.data_received(_IGNORED * 4 + success())
    one, failed, *ignored = await outcomes(answers)
    assert one == [[1]]
    assert isinstance(failed, ClientError)
    assert (failed.code, failed.message) == (_SYNTAX, "")
    assert [type(each) for each in ignored] == [Unanswered] * 2
    await asyncio.sleep(0)
    assert connection.ready
    connection.close()


async def test_a_reader_that_goes_leaves_the_others_answers_in_place() -> None:
    connection, transport = connected()
    answers = [connection.ask(b"", 2) for _ in range(3)]
    answers[1].cancel()
    connection.data_received(b"".join(map(answered, "abc")))
    assert await outcomes((answers[0], answers[2])) == [[["a"]], [["c"]]]
    assert connection.ready
    assert not transport.closed
    connection.close()


async def test_a_value_that_is_no_json_value_fails_its_own_read() -> None:
    connection, _ = connected()
    answers = [connection.ask(b"", 2) for _ in range(2)]
    node = chunked(b"\xb1\x71" + bytes.fromhex("91b34e0190a0"))
    connection.data_received(success() + node + success() + answered(1))
    refused, one = await outcomes(answers)
    assert isinstance(refused, Unavailable)
    assert str(refused) == "graph_unavailable: a read gave a value that is no JSON value"
    assert one == [[1]]
    connection.close()


@pytest.mark.parametrize(
    "data",
    [
        record(1),  # before SUCCESS of RUN
        success() + chunked(b"\xb1\x71\x01"),  # a record that is no list
        chunked(b"\xb1\x7f\x01"),  # a failure without a map
        chunked(b"\xb1\x99\xa0"),  # no message of Bolt
        chunked(b"\xb1"),
        answered(1) + answered(2) + success(),  # more than was asked
        success() + b"\xff\xff" + b"\x91" * 0xFFFF + b"\0\0",
    ],
)
async def test_what_is_no_bolt_ends_the_connection_and_tells_all(data: bytes) -> None:
    connection, transport = connected()
    lost: list[BoltConnection] = []
    connection.watch(lost.append)
    answers = [connection.ask(b"", 2) for _ in range(2)]
    connection.data_received(data)
    assert (transport.closed, connection.lost, connection.load, lost) == (True, True, 0, [connection])
    assert all(answer.done() for answer in answers)
    told = await outcomes([*answers, connection.ask(b"", 2)])
    assert isinstance(told[-1], ServiceUnavailable)


async def test_a_message_has_a_bound() -> None:
    connection, transport = connected()
    answer = connection.ask(b"", 2)
    for _ in range(MAX_MESSAGE // 0xFFFF + 2):
        connection.data_received(b"\xff\xff" + b"\x80" * 0xFFFF)
    assert transport.closed
    assert isinstance((await outcomes([answer]))[0], ServiceUnavailable)


_GOOD: Final = answered([1, "a"]) + failure(_SYNTAX) + _IGNORED * 3 + success() + answered(2)


@given(st.binary(max_size=300) | st.just(_GOOD), st.data())
def test_garbage_tells_every_reader_in_a_known_way(data: bytes, draw: st.DataObject) -> None:
    """Random bytes, and good ones with changes: nothing is raised into the loop, nobody waits for ever."""
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(0, 3))):
        if changed:
            changed[draw.draw(st.integers(0, len(changed) - 1))] = draw.draw(st.integers(0, 255))

    async def told() -> None:
        connection, _ = connected()
        answers = [connection.ask(b"", 2) for _ in range(3)]
        connection.data_received(bytes(changed))
        connection.connection_lost(None)
        for outcome in await outcomes(answers):
            assert isinstance(outcome, list | ServiceUnavailable | ClientError | Unanswered | Unavailable) or (
                type(outcome).__module__ == "neo4j.exceptions"
            )

    asyncio.run(told())
