"""Frames and the channel: whatever is written comes back however it is cut; bounds, errors and ends."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hub.readers.channel import Answering, Channel, ProcessFailed, Telling, open_channel
from hub.readers.frames import MAX_BODY, MAX_HEAD, Frame, Frames, Kind
from ledger.errors import Conflict, Malformed, Refused, TongbanError, Unavailable

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FRAMES: Final = st.builds(
    Frame, st.sampled_from(Kind), st.integers(min_value=0, max_value=2**64 - 1), JSON, st.binary(max_size=64)
)


@given(st.lists(FRAMES, max_size=4), st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=8))
def test_frames_come_back_however_their_bytes_are_cut(frames: list[Frame], cuts: list[int]) -> None:
    data, parts, reading = b"".join(frame.pack() for frame in frames), Frames(), []
    turn = 0
    while data:
        size, turn = cuts[turn % len(cuts)], turn + 1
        reading += parts.feed(data[:size])
        data = data[size:]
    assert reading == frames


@pytest.mark.parametrize(
    "prefix",
    [
        (MAX_HEAD + 1).to_bytes(4, "big") + bytes(12) + b"\x01",
        bytes(4) + (MAX_BODY + 1).to_bytes(4, "big") + bytes(8) + b"\x01",
        bytes(16) + b"\x00",
        bytes(16) + b"\x05",
        (1).to_bytes(4, "big") + bytes(12) + b"\x01{",
    ],
)
def test_what_is_no_frame_is_refused_by_its_first_bytes(prefix: bytes) -> None:
    with pytest.raises(Malformed):
        list(Frames().feed(prefix))


def test_a_frame_that_is_too_large_is_not_written() -> None:
    with pytest.raises(Malformed) as refused:
        Frame(Kind.ASK, 1, "x" * MAX_HEAD).pack()
    assert refused.value.code == "too_large"


@asynccontextmanager
async def _pair(
    answers: Mapping[str, Answering], told: Mapping[str, Telling] | None = None, *, most: int = 8
) -> AsyncIterator[tuple[Channel, Channel]]:
    """Give the side that asks, and the one that answers."""
    ours, theirs = socket.socketpair()
    ends = asyncio.Event(), asyncio.Event()
    asking = Channel({}, {}, most=most, on_lost=ends[0].set)
    answering = Channel(answers, told or {}, most=most, on_lost=ends[1].set)
    await open_channel(ours, asking)
    await open_channel(theirs, answering)
    yield asking, answering
    asking.close()
    for end in ends:
        await end.wait()


async def _code(channel: Channel, name: str) -> str:
    with pytest.raises(TongbanError) as refused:
        await channel.ask(name, None)
    return refused.value.code


async def test_questions_are_answered_in_any_order_with_their_bodies() -> None:
    first = asyncio.Event()

    async def echo(value: Any, body: bytes) -> tuple[Any, bytes]:
        if value == "slow":
            await first.wait()
        first.set()
        return [value], body * 2

    async with _pair({"echo": echo}) as (asking, _):
        slow = asyncio.create_task(asking.ask("echo", "slow", b"1"))
        assert await asking.ask("echo", "quick", b"2") == (["quick"], b"22")
        assert await slow == (["slow"], b"11")


async def test_an_error_comes_across_whole_and_an_unforeseen_one_without_its_text() -> None:
    async def refuses(_value: Any, _body: bytes) -> tuple[Any, bytes]:
        raise Refused("too_many_asked", "wait", retry_after=17)

    async def conflicts(_value: Any, _body: bytes) -> tuple[Any, bytes]:
        raise Conflict("wrong_target", "no", index=3)

    async def breaks(_value: Any, _body: bytes) -> tuple[Any, bytes]:
        raise RuntimeError("a name that nobody may read")

    async with _pair({"refuses": refuses, "conflicts": conflicts, "breaks": breaks}) as (asking, _):
        with pytest.raises(Refused) as refused:
            await asking.ask("refuses", None)
        assert (refused.value.code, refused.value.message, refused.value.retry_after) == ("too_many_asked", "wait", 17)
        with pytest.raises(Conflict) as conflict:
            await asking.ask("conflicts", None)
        assert conflict.value.index == 3
        with structlog.testing.capture_logs() as lines, pytest.raises(ProcessFailed):
            await asking.ask("breaks", None)
        assert [(line["event"], line["error"]) for line in lines] == [("unexpected_error", "RuntimeError")]
        assert "nobody may read" not in json.dumps(lines, default=str)


async def test_who_waits_hears_that_the_other_process_has_ended() -> None:
    begun, given_up = asyncio.Event(), asyncio.Event()

    async def waits(_value: Any, _body: bytes) -> tuple[Any, bytes]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        return None, b""

    async with _pair({"waits": waits}) as (asking, answering):
        waiting = asyncio.create_task(asking.ask("waits", None))
        await begun.wait()
        assert answering.answering == 1
        asking.close()
        with pytest.raises(Unavailable) as ended:
            await waiting
        assert (ended.value.code, ended.value.retry_after) == ("not_ready", 1)
        await given_up.wait()
        assert await _code(asking, "waits") == "not_ready"


async def test_no_more_wait_than_may() -> None:
    go_on = asyncio.Event()

    async def waits(_value: Any, _body: bytes) -> tuple[Any, bytes]:
        await go_on.wait()
        return None, b""

    async with _pair({"waits": waits}, most=2) as (asking, _):
        waiting = [asyncio.create_task(asking.ask("waits", None)) for _ in range(2)]
        await asyncio.sleep(0)
        assert await _code(asking, "waits") == "pushback"
        go_on.set()
        assert await asyncio.gather(*waiting) == [(None, b"")] * 2
        assert await asking.ask("waits", None) == (None, b"")


async def test_what_is_told_is_heard_and_an_unknown_name_ends_the_channel() -> None:
    heard: list[Any] = []
    ended = asyncio.Event()
    ours, theirs = socket.socketpair()
    asking = Channel({}, {}, on_lost=ended.set)
    await open_channel(ours, asking)
    await open_channel(theirs, Channel({}, {"figures": heard.append}))
    asking.tell("figures", [1])
    asking.tell("nothing", None)
    await ended.wait()
    asking.tell("figures", [2])
    assert heard == [[1]]
