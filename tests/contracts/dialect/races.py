"""Two transactions at once: the compare-and-swap of a cursor, with the lock first and without."""

from __future__ import annotations

from typing import Final

from tests.contracts.dialect.cases import ARC, NEO, Race

__all__ = ["RACES", "RACE_SETUP"]

RACE_SETUP: Final = "CREATE (:Cursor {id: 'race', at: 0})"

_LOCKED: Final = "MATCH (c:Cursor {id: 'race'}) SET c.lock = true WITH c WHERE c.at = $old SET c.at = $new RETURN c.at"
_PLAIN: Final = "MATCH (c:Cursor {id: 'race'}) WHERE c.at = $old SET c.at = $new RETURN c.at"
_LOCK: Final = "lock first: race.swap.locked"

RACES: Final[list[Race]] = [
    Race(name="race.swap.locked", statement=_LOCKED, winners=1),
    Race(name="race.swap.plain.arcadedb", statement=_PLAIN, winners=1, engines=ARC, instead=_LOCK),
    Race(name="race.swap.plain.neo4j", statement=_PLAIN, winners=2, engines=NEO, instead=_LOCK),
]
