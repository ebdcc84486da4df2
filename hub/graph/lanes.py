"""Lanes: concurrent look-ups of one shape go to the graph as one statement.

    reader 1  licenses(holder A)  county 370214  ─┐
    reader 2  licenses(holder B)  county 220103  ─┼─ UNWIND $ks AS k CALL (k) { … } RETURN collect([k.i0, x])
    reader 3  licenses(holder A)  county 370214  ─┘   two keys: readers 1 and 3 share one

A lane is a statement's text, which has the access predicate in it, with the bounds of its lists. Shapes of one look-up
that are asked often share a lane, whose statement has the columns of all of them (`hub/graph/supersets.py`). Values,
those of the predicate too, ride with each key, so two readers share an answer only when each value is equal. What was
asked while a statement was under way goes with the next one: there is no timer, and an idle graph is asked at once. An
answer that is on its way is not shared with who asks later: it may be older than what that one has just written.

Readers are cancelled, statements are not: a cancelled call closes the driver's connection. A statement that fails for a
reason that may lie in one of its keys is asked again key by key; when the engine is away, every reader is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextvars import Context
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final

from hub.deadlines import Deadlines
from hub.graph.batches import ASKERS, FIRST, NUMBER
from hub.graph.failures import may_be_of_one_key
from hub.graph.supersets import Superset, Supersets
from ledger.errors import TongbanError, Unavailable
from schema.context import Batch, Graph, Statement

__all__ = ["LaneLimits", "Lanes"]

_KEY_CHARACTERS: Final = 16_384
_MESSAGE_CHARACTERS: Final = 262_144  # 1 MiB at most: the embedded engine never answers a message over 16 MiB
_RETRIED_AT_ONCE: Final = 8
_PAUSE_S: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """Bounds of all lanes together and of each.

    in_flight: statements under way in one lane. keys: in one statement. queue: readers in all lanes, then 503.
    wait_s: longest time of one reader, queue and retries included, in seconds. often: how many times a shape is asked
    before it goes together with others.
    """

    in_flight: int = 1
    keys: int = 64
    queue: int = 4096
    wait_s: float = 4.0
    often: int = 16


@dataclass(slots=True)
class _Shape:
    """One shape of a question: its statement, and who waits for the answer."""

    statement: Statement
    readers: list[asyncio.Future[Any]] = field(default_factory=list)

    def give(self, value: Any) -> None:
        for reader in self.readers:
            if not reader.done():
                reader.set_result(value)

    def fail(self, error: Exception) -> None:
        for reader in self.readers:
            if not reader.done():
                reader.set_exception(_own(error))


@dataclass(slots=True, eq=False)
class _Question:
    """One key with its values, in the shapes in which it is asked: by their text."""

    key: Hashable
    values: Mapping[str, Any]
    characters: int
    shapes: dict[str, _Shape] = field(default_factory=dict)

    @property
    def wanted(self) -> bool:
        return any(not reader.done() for shape in self.shapes.values() for reader in shape.readers)

    def give(self, value: Any, wide: Superset | None) -> None:
        for shape in self.shapes.values():
            batch = shape.statement.batch
            shape.give(value if wide is None or batch is None else wide.rows_of(batch, value))

    def fail(self, error: Exception) -> None:
        for shape in self.shapes.values():
            shape.fail(error)


class _Lane:
    """Questions of one shape that wait, each key once, in the order in which they came.

    keys: how many go with the next statement. Halved when a statement failed, so that one that is too long for the
    engine is not sent again and again; doubled when one was answered.
    """

    def __init__(self, keys: int, wide: Superset | None) -> None:
        self.running = 0
        self.keys = keys
        self._most = keys
        self._wide = wide
        self._waiting: dict[Hashable, _Question] = {}

    @property
    def idle(self) -> bool:
        return not self.running and not self._waiting

    def add(
        self, statement: Statement, values: Mapping[str, Any], characters: int, reader: asyncio.Future[Any]
    ) -> bool:  # fmt: skip
        """Put a reader down for a key; True when the key waits already. All of a lane give values of the same names."""
        key = tuple([value if type(value) is str else _typed(value) for value in values.values()])
        known = self._waiting.get(key)
        question = known
        if question is None:
            question = self._waiting[key] = _Question(key, values, characters)
        shape = question.shapes.get(statement.text)
        if shape is None:
            shape = question.shapes[statement.text] = _Shape(statement)
        shape.readers.append(reader)
        return known is not None

    def take(self) -> list[_Question]:
        """Take the next questions that somebody still waits for, no more than a message holds."""
        taken: list[_Question] = []
        room = _MESSAGE_CHARACTERS
        for question in tuple(self._waiting.values()):
            if question.wanted:
                room -= question.characters
                if len(taken) == self.keys or room < 0:
                    break
                taken.append(question)
            del self._waiting[question.key]
        return taken

    def together(self, questions: Sequence[_Question]) -> tuple[Statement, Superset | None]:
        """Make one statement of several questions; wide only where they come in several shapes."""
        askers = [{NUMBER: number, **one.values} for number, one in enumerate(questions)]
        shapes = {text: shape.statement for one in questions for text, shape in one.shapes.items()}
        one_of = next(iter(shapes.values()))
        wide = self._wide if len(shapes) > 1 else None
        if wide is None:
            text, shared = _batch(one_of).text, _shared(one_of)
        else:
            text, shared = wide.text, {**_shared(one_of), **wide.bounds}
        return Statement(text=text, parameters={ASKERS: askers, **shared}), wide

    def answered(self) -> None:
        """Let the next statement take more keys."""
        self.keys = min(self._most, self.keys * 2)

    def failed(self, keys: int) -> None:
        """Let the next statement take fewer keys than one that failed."""
        self.keys = max(1, keys // 2)


class Lanes:
    """The Graph port over another one; see above. on_statement: told how many keys each statement has.

    What it gives may be shared with other readers, and is never changed.
    """

    def __init__(
        self, graph: Graph, *, limits: LaneLimits | None = None, on_statement: Callable[[int], None] = lambda _: None
    ) -> None:
        self._graph = graph
        self._limits = limits or LaneLimits()
        self._deadlines = Deadlines(self._limits.wait_s)
        self._on_statement = on_statement
        self._supersets = Supersets(often=self._limits.often)
        self._lanes: dict[Hashable, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._depth = 0
        self._shared = 0

    @property
    def depth(self) -> int:
        """Readers that wait now, in all lanes."""
        return self._depth

    @property
    def shared(self) -> int:
        """Readers that shared another one's key, since the start."""
        return self._shared

    async def read(self, statement: Statement) -> Any:
        """Run one compiled read, with others of its shape.

        Raises Unavailable graph_unavailable, deadline, or pushback with retry_after when the lanes are full.
        """
        batch = statement.batch
        if batch is None:
            return await self._graph.read(statement)
        if self._depth >= self._limits.queue:
            raise Unavailable("pushback", "too many look-ups wait for the graph", retry_after=_PAUSE_S)
        values = {name: statement.parameters[name] for name in batch.own}
        characters = _characters(values)
        self._depth += 1
        try:
            with self._deadlines.hold():
                if characters > _KEY_CHARACTERS:
                    return await self._graph.read(statement)
                return await self._asked(statement, batch, values, characters)
        except TimeoutError as error:
            raise Unavailable("deadline", "the graph did not answer in time") from error
        finally:
            self._depth -= 1

    async def close(self) -> None:
        """End what is under way or waits; its readers get graph_unavailable."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for lane in self._lanes.values():
            while left := lane.take():
                _end(left)
        self._lanes.clear()

    def _asked(
        self, statement: Statement, batch: Batch, values: Mapping[str, Any], characters: int
    ) -> asyncio.Future[Any]:
        wide = self._supersets.of(statement)
        shared = [statement.parameters[name] for name in batch.shared]
        name = (batch.text, *shared) if wide is None else (wide, statement.parameters.get(FIRST))
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(self._limits.keys, wide)
        reader: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._shared += lane.add(statement, values, characters, reader)
        if lane.running < self._limits.in_flight:
            self._start(name, lane)
        return reader

    def _start(self, name: Hashable, lane: _Lane) -> None:
        lane.running += 1
        # A context of its own: what a statement logs is not the first reader's.
        task = asyncio.get_running_loop().create_task(self._run(name, lane), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, name: Hashable, lane: _Lane) -> None:
        """Ask until nobody waits."""
        questions: list[_Question] = []
        try:
            while questions := lane.take():
                alone = len(questions) == 1 and len(questions[0].shapes) == 1
                await (self._alone(questions[0]) if alone else self._together(lane, questions))
        finally:
            _end(questions)
            lane.running -= 1
            if lane.idle:
                self._lanes.pop(name, None)

    async def _alone(self, question: _Question) -> None:
        for shape in question.shapes.values():
            self._on_statement(1)
            try:
                shape.give(await self._graph.read(shape.statement))
            except Exception as error:  # noqa: BLE001  # it is the readers', whatever it is
                shape.fail(error)

    async def _together(self, lane: _Lane, questions: list[_Question]) -> None:
        self._on_statement(len(questions))
        try:
            statement, wide = lane.together(questions)
            values = _by_number(await self._graph.read(statement), len(questions))
        except Exception as error:  # noqa: BLE001  # as above
            if may_be_of_one_key(error):
                lane.failed(len(questions))
                await self._one_by_one(questions)
            for one in questions:
                one.fail(error)  # who has an answer keeps it
        else:
            lane.answered()
            for one, value in zip(questions, values, strict=True):
                one.give(value, wide)

    async def _one_by_one(self, questions: Sequence[_Question]) -> None:
        """Ask each key alone, a few at once: a key that takes long does not use up its neighbours' time."""
        room = asyncio.Semaphore(_RETRIED_AT_ONCE)

        async def ask(question: _Question) -> None:
            async with room:
                if question.wanted:
                    await self._alone(question)

        await asyncio.gather(*map(ask, questions))


def _end(questions: Sequence[_Question]) -> None:
    for one in questions:
        one.fail(Unavailable("graph_unavailable", "the hub ends"))


def _own(error: Exception) -> Exception:
    """Give a reader an error of its own: an error collects the places that it passes."""
    if not isinstance(error, TongbanError):
        return error
    own = copy(error)
    own.__cause__ = error
    return own


def _by_number(pairs: Any, count: int) -> list[Any]:
    values = dict(pairs)
    if sorted(values) != list(range(count)):
        raise Unavailable("graph_unavailable", "the graph did not answer every key of a statement once")
    return [values[number] for number in range(count)]


def _batch(statement: Statement) -> Batch:
    assert statement.batch is not None  # noqa: S101  # who has none goes alone
    return statement.batch


def _shared(statement: Statement) -> dict[str, Any]:
    """Give what all readers of a lane have in common."""
    return {name: statement.parameters[name] for name in _batch(statement).shared}


def _typed(value: Any) -> Hashable:
    """Make a value comparable with its type: in Python 1 equals true, and 1.0."""
    return tuple(map(_typed, value)) if isinstance(value, list | tuple) else (type(value), value)


def _characters(values: Mapping[str, Any]) -> int:
    return sum([len(value) if type(value) is str else _length(value) for value in values.values()])


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return sum(map(_length, value)) if isinstance(value, list | tuple) else 8
