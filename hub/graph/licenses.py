"""Licenses in the graph: the statements that write what counties state, under the journal's cursor.

    (:License)-[:HELD_BY]->(:Holder), -[:OF_TYPE]->(:LicenseType), -[:ISSUED_BY]->(:Authority), -[:REPLACES]->(:License)

A license is one row: what its record says, and what the ledger says of its seal. A type or authority that the catalogue
does not list yet is linked when it does (`hub.graph.catalogue`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, LiteralString, Protocol

from hub.graph.driver import Step
from hub.graph.facts import LicenseRow, admitted, sealed
from ledger.encoding import b64u_decode, b64u_encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.graph.driver import BoltDriver

__all__ = ["Sealed", "admitted_rows", "license_steps"]


class Sealed(Protocol):
    """What is asked of the ledger."""

    async def seals(self, leaves: Sequence[bytes]) -> Mapping[bytes, tuple[int, bytes]]:
        """Give index and entry of each leaf hash that is published."""
        ...


_STATEMENT: Final[tuple[LiteralString, ...]] = (
    """\
UNWIND $rows AS row
MERGE (l:License {logIndex: row.index})
ON CREATE SET l.status = 'VALID'
SET l.leafHash = row.leaf, l.sealedAt = row.at, l.sealedBy = row.by, l.certificateIdentifier = row.identifier,
    l.certificateTypeCode = row.type, l.certificateIssuingAuthorityCode = row.issuer,
    l.certificateIssuedDate = row.issued, l.certificateEffectiveDate = row.effective,
    l.certificateExpiringDate = row.expires, l.replaces = row.replaces""",
    """\
UNWIND $rows AS row
MATCH (l:License {leafHash: row.leaf})
UNWIND row.holders AS key
MERGE (h:Holder {key: key})
MERGE (l)-[:HELD_BY]->(h)""",
    """\
UNWIND $rows AS row
MATCH (l:License {leafHash: row.leaf})
MATCH (t:LicenseType {code: row.type})
MERGE (l)-[:OF_TYPE]->(t)""",
    """\
UNWIND $rows AS row
MATCH (l:License {leafHash: row.leaf})
MATCH (a:Authority {code: row.issuer})
MERGE (l)-[:ISSUED_BY]->(a)""",
)

_REPLACES: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (l:License {leafHash: row.leaf})
MATCH (old:License {certificateIdentifier: row.replaces})
MERGE (l)-[:REPLACES]->(old)"""

# The newer license may be stated before the older one: they come from different counties.
_REPLACED: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (l:License {leafHash: row.leaf})
MATCH (new:License {replaces: row.identifier})
MERGE (new)-[:REPLACES]->(l)"""


def license_steps(rows: Sequence[LicenseRow]) -> list[Step]:
    """Give the writes of licenses that are admitted."""
    replacing = [row for row in rows if row["replaces"] is not None]
    made = [step for text in _STATEMENT for step in _rows(text, rows)]
    return [*made, *_rows(_REPLACES, replacing), *_rows(_REPLACED, rows)]


def _rows(text: LiteralString, rows: Sequence[Any]) -> list[Step]:
    return [Step(text=text, parameters={"rows": rows})] if rows else []


_OF_LEAVES: Final[LiteralString] = """\
UNWIND $leaves AS leaf
MATCH (l:License {leafHash: leaf})
RETURN l.leafHash, l.certificateIdentifier ORDER BY l.leafHash"""

_OF_IDENTIFIERS: Final[LiteralString] = """\
UNWIND $ids AS id
MATCH (l:License {certificateIdentifier: id})
RETURN l.certificateIdentifier, l.leafHash ORDER BY l.certificateIdentifier"""


async def admitted_rows(
    driver: BoltDriver, ledger: Sealed, rows: list[LicenseRow]
) -> tuple[list[LicenseRow], int | None]:
    """Choose the rows to write, completed by what their seals say, and the position of the first that must wait.

    Raises NotVerified corrupt_store, Unavailable.
    """
    if not rows:
        return [], None
    found = await ledger.seals(sorted({b64u_decode(row["leaf"]) for row in rows}))
    seals = {b64u_encode(leaf): seal for leaf, seal in found.items()}
    stated = dict(await driver.rows(_OF_LEAVES, {"leaves": sorted(seals)}))
    leaves = await driver.rows(_OF_IDENTIFIERS, {"ids": sorted({row["identifier"] for row in rows})})
    chosen, stop = admitted(rows, identifiers={leaf: stated.get(leaf) for leaf in seals}, leaves=dict(leaves))
    return await asyncio.to_thread(sealed, chosen, seals), stop
