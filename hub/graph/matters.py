"""The list of matters in the graph: what the catalogue's table and the ledger's rule entries say, version by version.

    (:Matter {code, name, mode, listedFrom, listedUntil, ...})
    -[:HAS_VERSION]->(:MatterVersion {code, matterCode, name, type, mode, act, listed, since, until, logIndex})

A version holds from `since` (null: from the beginning, by the table) to the day before `until`, the `since` of the next
one. `act` is TABLE, ADD, CHANGE or REMOVE; a removal is a version, too, in which the matter is not `listed`. Name and
mode of a matter itself are those of its newest version on the list.

Offerings end with a removal: one that is in force on that day is superseded then, one for a day on which the matter is
off the list never comes into force. Whatever comes first, projection or catalogue: the end is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, LiteralString, TypeAlias

from hub.graph.driver import Step
from hub.graph.offerings import ENDS
from ledger.entries import RuleChange

__all__ = ["BEGUN", "MatterRow", "matter_rows", "matter_steps"]

MatterRow: TypeAlias = dict[str, Any]


def matter_rows(entries: Iterable[tuple[int, RuleChange]]) -> list[MatterRow]:
    """Make a row of each change of the list in rule entries, with their log indexes."""
    return [
        {
            "code": change.code,
            "version": f"{change.code}@{change.since.replace('-', '')}",
            "properties": {
                "matterCode": change.code,
                "name": change.name,
                "type": change.code[2:4],
                "mode": change.mode,
                "act": change.act.upper(),
                "listed": change.act != "remove",
                "since": change.since,
                "logIndex": index,
            },
            "source": f"rule entry {index} of the ledger",
        }
        for index, entry in entries
        if entry.matters is not None
        for change in entry.matters.changes
    ]


_VERSIONS: Final[tuple[LiteralString, ...]] = (
    """\
UNWIND $rows AS row
MERGE (m:Matter {code: row.code})
SET m.decided = true, m.type = row.properties.type, m.source = coalesce(m.source, row.source),
    m.confidence = coalesce(m.confidence, 'S')""",
    """\
UNWIND $rows AS row
MATCH (m:Matter {code: row.code})
MERGE (v:MatterVersion {code: row.version})
SET v += row.properties
MERGE (m)-[:HAS_VERSION]->(v)""",
)

_OF_TABLE: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (m:Matter {code: row.code})
MERGE (v:MatterVersion {code: row.code + '@00000000'})
SET v.matterCode = row.code, v.name = row.properties.name, v.type = row.properties.type, v.mode = row.properties.mode,
    v.act = 'TABLE', v.listed = true, v.release = row.properties.release
MERGE (m)-[:HAS_VERSION]->(v)"""

_SETTLED: Final[tuple[LiteralString, ...]] = (
    """\
UNWIND $rows AS row
MATCH (v:MatterVersion {matterCode: row.code})
OPTIONAL MATCH (later:MatterVersion {matterCode: row.code}) WHERE later.since > coalesce(v.since, '')
WITH v, min(later.since) AS next
SET v.until = next""",
    """\
UNWIND $rows AS row
MATCH (m:Matter {code: row.code})
OPTIONAL MATCH (gone:MatterVersion {matterCode: row.code, act: 'REMOVE'}) WHERE gone.until IS NULL
WITH row, m, min(gone.since) AS gone
OPTIONAL MATCH (come:MatterVersion {matterCode: row.code, act: 'ADD'})
WITH m, gone, max(come.since) AS come
SET m.listedFrom = come, m.listedUntil = gone""",
    """\
UNWIND $rows AS row
MATCH (m:Matter {code: row.code})
MATCH (v:MatterVersion {matterCode: row.code}) WHERE v.listed
WITH m, v ORDER BY v.code
WITH m, collect([v.name, v.mode]) AS versions
SET m.name = versions[size(versions) - 1][0], m.mode = versions[size(versions) - 1][1]""",
)

_OFFERED: Final[tuple[LiteralString, ...]] = (
    """\
UNWIND $rows AS row
MATCH (o:Offering {matterCode: row.code})
WITH DISTINCT o
"""
    + ENDS,
    """\
UNWIND $rows AS row
MATCH (m:Matter {code: row.code})
MATCH (o:Offering {matterCode: row.code})
MERGE (o)-[:IMPLEMENTS]->(m)""",
    """\
UNWIND $rows AS row
MATCH (m:Matter {code: row.code})
MATCH (c:Case {matterCode: row.code})
MERGE (c)-[:FOR]->(m)""",
)

BEGUN: Final[tuple[LiteralString, ...]] = (_OF_TABLE, *_SETTLED)
"""What makes the matters of the table versions from the beginning on; rows: those of the catalogue."""


def matter_steps(rows: Sequence[MatterRow]) -> list[Step]:
    """Write the versions, settle where each ends, and end the offerings of what is off the list."""
    if not rows:
        return []
    texts = (*_VERSIONS, *_SETTLED, *_OFFERED)
    return [Step(text=text, parameters={"rows": list(rows)}) for text in texts]
