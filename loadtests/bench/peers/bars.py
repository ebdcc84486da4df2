"""The bars that issue 6 sets, as readings: one contender beside another, round by round in the same run.

| bar | hold |
|---|---|
| gateway / raw driver, mixed documents | >= 3.0 |
| gateway / best Node server, mixed | >= 2.5 |
| gateway / Apollo hand-written, mixed | >= 4.5 |
| gateway / @neo4j/graphql + Apollo, one document | >= 13 |
| gateway mixed / gateway one document | >= 0.75 |
| gateway / Apollo hand-written, cold documents of new shapes | >= 4 |
| p50 at one connection, gateway / bare Node | <= 1.2 |
| p99 at 200 requests/s that come when they are due, gateway / bare Node | none |
| gateway / constant reply, mixed | none |
| engine CPU a request, gateway / raw driver, mixed (`--database embedded`, `neo4j`) | <= 0.5 |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from loadtests.bench.measuring import Gate, Pair, Reading
from loadtests.bench.peers.rounds import Measured

__all__ = ["readings"]

Round: TypeAlias = Sequence[Measured]
_Value: TypeAlias = Callable[[Round], float | None]
_Bar: TypeAlias = tuple[str, str, str, str, _Value, _Value, tuple[Literal["<=", ">="], float] | None]


def _of(contender: str, kind: str, field: str = "rate") -> _Value:
    def value(measured: Round) -> float | None:
        found = [getattr(each, field) for each in measured if (each.contender, each.kind) == (contender, kind)]
        return float(found[0]) if found else None

    return value


def _best_node(measured: Round) -> float | None:
    rates = [each.rate for each in measured if each.kind == "mix" and each.contender in {"bare", "yoga", "apollo"}]
    return max(rates, default=None)


_MIX: Final = _of("gateway", "mix")
_RATE: Final = "answers/s"
_ONE: Final = _of("gateway", "one")
_APOLLO: Final = "Apollo, hand-written"
_BARS: Final[tuple[_Bar, ...]] = (
    ("driver", "Ten documents mixed, 32 connections", _RATE, "raw driver calls", _MIX, _of("raw", "mix"), (">=", 3.0)),
    ("node", "The same, best Node server", _RATE, "best of bare, yoga, Apollo", _MIX, _best_node, (">=", 2.5)),
    ("apollo", "The same, Apollo", _RATE, _APOLLO, _MIX, _of("apollo", "mix"), (">=", 4.5)),
    ("floor", "The same, HTTP alone", _RATE, "constant reply, raw ASGI", _MIX, _of("floor", "mix"), None),
    ("neo4j-graphql", "One document", _RATE, "@neo4j/graphql + Apollo", _ONE, _of("neo4j", "one"), (">=", 13.0)),
    ("mixed", "Ten documents beside one", _RATE, "the gateway with one document", _MIX, _ONE, (">=", 0.75)),
    ("cold-shapes", "New documents", _RATE, _APOLLO, _of("gateway", "cold"), _of("apollo", "cold"), (">=", 4.0)),
    (
        "alone", "One connection, p50", "us", "bare Node",
        _of("gateway", "alone", "p50_us"), _of("bare", "alone", "p50_us"), ("<=", 1.2),
    ),
    (
        "open", "Open load, p99", "us", "bare Node",
        _of("gateway", "open", "p99_us"), _of("bare", "open", "p99_us"), None,
    ),
)  # fmt: skip
_ENGINE: Final[_Bar] = (
    "engine", "CPU of the engine for an answer, ten documents mixed", "us", "raw driver calls, not coalesced",
    _of("gateway", "mix", "engine_us"), _of("raw", "mix", "engine_us"), ("<=", 0.5),
)  # fmt: skip


def readings(rounds: Sequence[Round], *, real_engine: bool) -> list[Reading]:
    """Read the bars that were measured. real_engine: the engine itself answered, so its CPU is one of them."""
    found = []
    for name, title, unit, beside, ours, theirs, bar in (*_BARS, *((_ENGINE,) if real_engine else ())):
        values = [(ours(each), theirs(each)) for each in rounds]
        pairs = tuple(Pair(one, other) for one, other in values if one is not None and other)
        if pairs:
            gate = None if bar is None else Gate(of="ratio", sign=bar[0], bound=bar[1])
            found.append(Reading(name=name, title=title, unit=unit, beside=beside, pairs=pairs, gate=gate))
    return found
