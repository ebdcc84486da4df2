"""The catalogue in the graph: jurisdictions, authorities, license types, matters. Offerings are stated by counties.

    (:Cursor {id: "catalogue", digest})      the version of the tables that the graph holds

The tables are those of `hub/ingest/data`, as rows of text by column name. Loading is repeatable: each batch is one
transaction, the digest is set last, and a version that is there already costs one read. A matter that a new version
no longer has is deleted; a jurisdiction, authority or license type stays, licenses may hang on it.

Whether a county is a member is not said here: the ledger says it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

from hub.graph.cases import CASE_LINKS
from hub.graph.driver import Step, Unit
from hub.graph.listing import Tables, listed
from hub.graph.matters import BEGUN
from hub.graph.objections import OBJECTION_LINKS
from hub.graph.offerings import link_offerings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.graph.driver import BoltDriver

__all__ = ["load_catalogue"]

_BATCH: Final = 500

_LOADED: Final[LiteralString] = "MATCH (c:Cursor {id: 'catalogue'}) RETURN c.digest"

_DONE: Final[LiteralString] = "MERGE (c:Cursor {id: 'catalogue'}) SET c.digest = $digest"


async def load_catalogue(driver: BoltDriver, tables: Tables, digest: str) -> bool:
    """Bring the graph to this version of the catalogue; tell whether it was another before.

    digest: any text that changes with the tables. Raises Malformed bad_row when a table contradicts itself, before
    anything is written; Unavailable.
    """
    if await driver.rows(_LOADED) == [[digest]]:
        return False
    rows = listed(tables, digest)
    for name, texts in _LOADING:
        await _write(driver, texts, rows[name])
    for text in _SWEEPS:
        await driver.write(Unit(steps=[Step(text=text, parameters={"digest": digest})]))
    for pending, link in (*_LINKS, *CASE_LINKS, *OBJECTION_LINKS):
        while await driver.rows(pending):
            await driver.write(Unit(steps=[Step(text=link, parameters={})]))
    await link_offerings(driver)
    await driver.write(Unit(steps=[Step(text=_DONE, parameters={"digest": digest})]))
    return True


async def _write(driver: BoltDriver, texts: Sequence[LiteralString], rows: list[dict[str, Any]]) -> None:
    """Run the statements over the rows, 500 a transaction: a reader sees a row's old links or its new ones."""
    for start in range(0, len(rows), _BATCH):
        parameters = {"rows": rows[start : start + _BATCH]}
        await driver.write(Unit(steps=[Step(text=text, parameters=parameters) for text in texts]))


_LOADING: Final[tuple[tuple[str, tuple[LiteralString, ...]], ...]] = (
    (
        "jurisdictions",
        (
            """\
OPTIONAL MATCH (c:Cursor {id: 'ledger'})
WITH coalesce(c.governors, []) AS governors
UNWIND $rows AS row
MERGE (j:Jurisdiction {code: row.code})
SET j += row.properties, j.member = size([kid IN governors WHERE kid STARTS WITH row.code + '#']) > 0""",
        ),
    ),
    (
        "jurisdictions",
        (
            "UNWIND $rows AS row MATCH (:Jurisdiction {code: row.code})-[r:WITHIN]->() DELETE r",
            """\
UNWIND $rows AS row
MATCH (j:Jurisdiction {code: row.code})
MATCH (above:Jurisdiction {code: row.within})
MERGE (j)-[:WITHIN]->(above)""",
        ),
    ),
    (
        "authorities",
        (
            "UNWIND $rows AS row MERGE (a:Authority {code: row.code}) SET a += row.properties",
            "UNWIND $rows AS row MATCH (:Authority {code: row.code})-[r:OF]->() DELETE r",
            """\
UNWIND $rows AS row
MATCH (a:Authority {code: row.code})
MATCH (j:Jurisdiction {code: row.of})
MERGE (a)-[:OF]->(j)""",
        ),
    ),
    ("license_types", ("UNWIND $rows AS row MERGE (t:LicenseType {code: row.code}) SET t += row.properties",)),
    ("matters", ("UNWIND $rows AS row MERGE (m:Matter {code: row.code}) SET m += row.properties", *BEGUN)),
)
"""Tables in the order of their dependence, with the statements for one batch of their rows."""

# What the ledger has decided about a matter outlives the table that named it.
_SWEEPS: Final[tuple[LiteralString, ...]] = (
    "MATCH (n:MatterVersion) WHERE n.release <> $digest DETACH DELETE n",
    "MATCH (n:Matter) WHERE n.release <> $digest AND n.decided IS NULL DETACH DELETE n",
)

# Licenses may be projected before the catalogue lists their type or authority.
_LINKS: Final[tuple[tuple[LiteralString, LiteralString], ...]] = (
    (
        """\
MATCH (t:LicenseType)
MATCH (l:License {certificateTypeCode: t.code}) WHERE NOT EXISTS { (l)-[:OF_TYPE]->(:LicenseType) }
RETURN 1 LIMIT 1""",
        """\
MATCH (t:LicenseType)
MATCH (l:License {certificateTypeCode: t.code}) WHERE NOT EXISTS { (l)-[:OF_TYPE]->(:LicenseType) }
WITH l, t LIMIT 1000
MERGE (l)-[:OF_TYPE]->(t)""",
    ),
    (
        """\
MATCH (a:Authority)
MATCH (l:License {certificateIssuingAuthorityCode: a.code}) WHERE NOT EXISTS { (l)-[:ISSUED_BY]->(:Authority) }
RETURN 1 LIMIT 1""",
        """\
MATCH (a:Authority)
MATCH (l:License {certificateIssuingAuthorityCode: a.code}) WHERE NOT EXISTS { (l)-[:ISSUED_BY]->(:Authority) }
WITH l, a LIMIT 1000
MERGE (l)-[:ISSUED_BY]->(a)""",
    ),
)
