"""All contenders, running side by side over one world, with everything that they will be asked, and the right answers.

with running_field(world, folder, size, with_node=True) as field:
    measured = field.round(0)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import orjson

from hub.demo.alliance import SAMPLE
from hub.ingest.data import read_table
from loadtests.bench.peers.contenders import (
    SERVERS,
    Contender,
    exchanges_file,
    gateway,
    node_server,
    right_answers,
)
from loadtests.bench.peers.mix import Asked, cold, mix, neo4j_one, neo4j_pairs, one, one_pairs
from loadtests.bench.peers.rounds import Load, Measured, measure, measure_raw
from loadtests.bench.peers.tools import install_servers
from loadtests.bench.peers.world import World, pin
from loadtests.bench.statement import statements_of
from loadtests.constant import constant_reply
from loadtests.population import Holder

__all__ = ["Field", "Size", "running_field"]

_MATTERS: Final = 30
_RAW: Final = "raw driver (Python), no server"
_FLOOR: Final = "constant reply, raw ASGI"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured. seconds: of each measurement. holders: asked after. cold: documents a round.

    licenses: of each county. warm: seconds for which each server runs before the first round. per_second: requests of
    the open load.
    """

    rounds: int
    seconds: float
    holders: int = 150
    cold: int = 500
    licenses: int = 300
    warm: float = 8.0
    per_second: float = 200.0


@dataclass(slots=True, kw_only=True)
class Field:
    """Who runs, and under which loads."""

    world: World
    size: Size
    raw_file: Path
    turns: list[tuple[Contender, Load]] = field(default_factory=list)
    cold_turns: list[tuple[Contender, Sequence[Load]]] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    _hits: int = 0
    _misses: int = 0

    def warm(self) -> None:
        """Let everybody come to speed: just-in-time compilers need seconds."""
        for who, load in self.turns:
            if load.busy and self.size.warm:
                measure(who, replace(load, seconds=self.size.warm), self.world.graph)

    def round(self, number: int) -> list[Measured]:
        """Measure everybody once; in every other round in the opposite order."""
        self._count()
        graph = self.world.graph
        turns: list[Callable[[], Measured]] = [
            lambda: measure_raw(self.raw_file, self.size.seconds, graph),
            *(lambda who=who, load=load: measure(who, load, graph) for who, load in self.turns),
            *(lambda who=who, loads=loads: measure(who, loads[number], graph) for who, loads in self.cold_turns),
        ]
        found = [turn() for turn in (turns if number % 2 == 0 else turns[::-1])]
        self._hits, self._misses = map(sum, zip((self._hits, self._misses), self._count(), strict=True))
        return found

    def _count(self) -> tuple[int, int]:
        if self.world.replay is None:
            return 0, 0
        counts = self.world.replay.counts()
        return counts["hits"], counts["misses"]

    @property
    def replayed(self) -> float | None:
        """Give the part that the replay server answered by itself; None: there is none, or nothing was asked."""
        asked = self._hits + self._misses
        return self._hits / asked if asked else None


@contextmanager
def running_field(world: World, folder: Path, size: Size, *, with_node: bool) -> Iterator[Field]:
    """Start everybody, and ask everything once. Raises ValueError for an answer that is wrong, or another one."""
    questions = _Questions.of(world, size)
    seen = [right_answers(gateway(world), each) for each in questions.cold]  # the replay server knows them, and later
    world.restart_hub()  # the hub does not
    _apart(world)
    field = Field(world=world, size=size, raw_file=_raw_file(folder, world, questions.mix))
    lineup = _Lineup(field, questions, seen, folder)
    with ExitStack() as stack:
        lineup.take_gateway()
        lineup.take_floor(stack)
        for name in SERVERS if with_node else ():
            lineup.take_server(name, stack.enter_context(node_server(name, install_servers(), world)))
        field.warm()
        yield field


@dataclass(frozen=True, slots=True, kw_only=True)
class _Questions:
    """What is asked. cold: new documents, round by round."""

    holders: Sequence[Holder]
    mix: Sequence[Asked]
    one: Sequence[Asked]
    cold: Sequence[Sequence[Asked]]

    @classmethod
    def of(cls, world: World, size: Size) -> _Questions:
        holders = world.town.population.holders[: size.holders]
        colds = [cold(holders, size.cold, number) for number in range(size.rounds)]
        return cls(holders=holders, mix=mix(holders, _matters()), one=one(holders), cold=colds)


class _Lineup:
    """Takes one contender after another into the field: what it is asked, and what it must answer."""

    def __init__(self, field: Field, questions: _Questions, seen: Sequence[Sequence[bytes]], folder: Path) -> None:
        self._field: Final = field
        self._questions: Final = questions
        self._seen: Final = seen
        self._folder: Final = folder
        self._right: Sequence[bytes] = ()
        self._right_one: Sequence[bytes] = ()

    def take_gateway(self) -> None:
        """Take the hub; what it answers, checked for content, is what the others must answer."""
        ours = gateway(self._field.world)
        self._right, self._right_one = (
            right_answers(ours, each) for each in (self._questions.mix, self._questions.one)
        )
        self._take(ours, "mix", self._questions.mix, self._right)
        self._take(ours, "one", self._questions.one, self._right_one)
        self._take(ours, "alone", self._questions.mix, self._right, connections=1)
        self._take(ours, "open", self._questions.mix, self._right, per_second=self._field.size.per_second)
        self._take_cold(ours)
        self._field.titles |= {"raw": _RAW, "gateway": ours.title}

    def take_floor(self, stack: ExitStack) -> None:
        """Take the constant reply: an answer of the usual length."""
        usual = sorted(self._right, key=len)[len(self._right) // 2]
        url, pid = stack.enter_context(constant_reply(usual))
        floor = Contender(name="floor", title=_FLOOR, url=url, pid=pid)
        self._take(floor, "mix", self._questions.mix, [usual] * len(self._right))
        self._field.titles["floor"] = _FLOOR

    def take_server(self, name: str, server: Contender) -> None:
        """Take a Node server."""
        self._field.titles[name] = server.title
        if name == "neo4j":
            theirs = neo4j_one(self._questions.holders, self._field.world.town.holder_key)
            self._take(server, "one", theirs, right_answers(server, theirs, _same_pairs(theirs, self._right_one)))
            return
        answers = right_answers(server, self._questions.mix, _same(self._questions.mix, self._right))
        self._take(server, "mix", self._questions.mix, answers)
        self._take(server, "open", self._questions.mix, answers, per_second=self._field.size.per_second)
        if name == "bare":
            self._take(server, "alone", self._questions.mix, answers, connections=1)
        if name == "apollo":
            self._take_cold(server)

    def _take(
        self, who: Contender, kind: str, asked: Sequence[Asked], answers: Sequence[bytes], *, connections: int = 32,
        per_second: float = 0,
    ) -> None:  # fmt: skip
        file = exchanges_file(self._folder / f"{who.name}-{kind}", who.requests(asked), answers)
        load = Load(
            kind=kind, file=file, seconds=self._field.size.seconds, connections=connections, per_second=per_second
        )
        self._field.turns.append((who, load))

    def _take_cold(self, who: Contender) -> None:
        files = [
            exchanges_file(self._folder / f"{who.name}-cold-{number}", who.requests(asked), self._seen[number])
            for number, asked in enumerate(self._questions.cold)
        ]
        loads = [Load(kind="cold", file=file, seconds=self._field.size.seconds, once=True) for file in files]
        self._field.cold_turns.append((who, loads))


def _apart(world: World) -> None:
    """Give all that is measured core 0, one after another, and all else core 1."""
    alliance = world.town.alliance
    for name, child in alliance.children.items():
        pin(child.pid, 0 if name == "hub" else 1)
    if world.graph.pid is not None:
        pin(world.graph.pid, 1)


def _same(asked: Sequence[Asked], answers: Sequence[bytes]) -> Callable[[Asked, Mapping[str, Any]], None]:
    """Make the check that a server gives the very data that the gateway gave, in the same order."""
    right = {id(each): orjson.loads(answer)["data"] for each, answer in zip(asked, answers, strict=True)}

    def check(one_asked: Asked, answer: Mapping[str, Any]) -> None:
        if orjson.dumps(answer.get("data")) != orjson.dumps(right[id(one_asked)]):
            raise ValueError(f"other data than the gateway's, {orjson.dumps(right[id(one_asked)])[:300]!r}")

    return check


def _same_pairs(asked: Sequence[Asked], answers: Sequence[bytes]) -> Callable[[Asked, Mapping[str, Any]], None]:
    right = {id(each): one_pairs(orjson.loads(answer)) for each, answer in zip(asked, answers, strict=True)}

    def check(one_asked: Asked, answer: Mapping[str, Any]) -> None:
        if neo4j_pairs(answer) != right[id(one_asked)]:
            raise ValueError("other values than the gateway's")

    return check


def _matters() -> list[str]:
    offered = [(row["matter_code"], row["county"]) for row in read_table("offerings")]
    everywhere = [code for code, county in offered if county == SAMPLE[0]]
    return [code for code in everywhere if all((code, county) in offered for county in SAMPLE)][:_MATTERS]


def _raw_file(folder: Path, world: World, asked: Sequence[Asked]) -> Path:
    graph, path = world.graph, folder / "raw.json"
    questions = [(each.document, each.variables) for each in asked]
    found = statements_of(questions, world.town.holder_key, now=int(time.time()))
    said = {"uri": graph.uri, "user": graph.user, "password": graph.password, "database": graph.database}
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps({**said, "statements": [[each.text, dict(each.parameters)] for each in found]}))
    return path
