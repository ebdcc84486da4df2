"""The cursors: how far the graph has come in each log, kept in the graph itself.

    (:Cursor {id: "ledger", at, leaf, governors})    entries below `at` are in the graph
    (:Cursor {id: "journal", at, leaf})              records below `at` are in the graph

A cursor moves in the transaction that writes its rows, and it is locked before it is read: without the lock two
projectors on Neo4j would both win. `leaf` is the leaf hash of the last entry taken, so a graph of another ledger is
noticed. `governors` are the active `govern` keys, by kid in order of the log: whoever has one is a member.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, LiteralString, TypeAlias

from hub.graph.driver import Step, Unit
from ledger.encoding import b64u_encode
from ledger.transparency.merkle import leaf_hash

if TYPE_CHECKING:
    from hub.graph.driver import BoltDriver

__all__ = ["Cursors", "claim", "make_cursors", "read_cursors", "standing"]

Cursors: TypeAlias = Mapping[str, tuple[int, str]]
"""Name of a log -> position and last leaf; one that is not there is at 0."""

_ABSENT: Final = {"journal": (0, ""), "ledger": (0, "")}

_MAKE: Final[LiteralString] = """\
UNWIND ['journal', 'ledger'] AS id
MERGE (c:Cursor {id: id})
WITH c WHERE c.at IS NULL
SET c.at = 0, c.leaf = ''"""

_WHERE: Final[LiteralString] = """\
MATCH (c:Cursor) WHERE c.id IN ['journal', 'ledger']
WITH c.id AS id, c.at AS at, c.leaf AS leaf
WHERE at IS NOT NULL
RETURN id, at, leaf ORDER BY id"""

_CLAIM: Final[LiteralString] = """\
MATCH (c:Cursor {id: $id})
SET c.lock = true
WITH c WHERE c.at = $from
SET c.at = $to, c.leaf = $leaf
RETURN c.at"""


_STANDS: Final[LiteralString] = """\
MATCH (c:Cursor {id: $id})
SET c.lock = true
WITH c WHERE c.at = $at
RETURN c.at"""


async def read_cursors(driver: BoltDriver) -> Cursors:
    """Read position and last leaf of both logs. Raises Unavailable.

    Neo4j may find a node that somebody deletes at this moment, and no properties of it: that log is at 0.
    """
    return {**_ABSENT, **{name: (at, leaf) for name, at, leaf in await driver.rows(_WHERE)}}


async def make_cursors(driver: BoltDriver) -> Cursors:
    """Make the cursors that are missing, and read both. Raises Unavailable."""
    await driver.write(Unit(steps=[Step(text=_MAKE, parameters={})]))
    return await read_cursors(driver)


def claim(name: str, start: int, taken: Sequence[bytes]) -> Step:
    """Make the guard that moves a cursor from `start` over the entries, if it stands there."""
    leaf = b64u_encode(leaf_hash(taken[-1]))
    return Step(text=_CLAIM, parameters={"id": name, "from": start, "to": start + len(taken), "leaf": leaf})


def standing(name: str, at: int) -> Step:
    """Make the guard that lets rows pass while a cursor stands at a position, and leaves it there."""
    return Step(text=_STANDS, parameters={"id": name, "at": at})
