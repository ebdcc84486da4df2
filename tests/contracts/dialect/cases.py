"""What a case of the portable dialect is, and how it is spelled.

Every case was answered so by Neo4j 5.26.26 (Cypher 5) and ArcadeDB 26.10.2, over Bolt. A statement that the two answer
differently has a case for each engine, and says what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

__all__ = [
    "ARC",
    "ARGUMENT",
    "ARITHMETIC",
    "BOTH",
    "CONSTRAINT",
    "CREATION",
    "FIVE",
    "LINE",
    "NEO",
    "NO_PROCEDURE",
    "PARAMETER",
    "SEMANTIC",
    "SYNTAX",
    "TYPE",
    "UNKNOWN",
    "Case",
    "Failure",
    "Race",
    "case",
    "differs",
]

Failure: TypeAlias = tuple[str, str]
"""Exception class of the driver, status code of the server."""

ARC: Final = ("arcadedb",)
NEO: Final = ("neo4j",)
BOTH: Final = ("arcadedb", "neo4j")

SYNTAX: Final = ("CypherSyntaxError", "Neo.ClientError.Statement.SyntaxError")
SEMANTIC: Final = ("ClientError", "Neo.ClientError.Statement.SemanticError")
TYPE: Final = ("CypherTypeError", "Neo.ClientError.Statement.TypeError")
ARGUMENT: Final = ("ClientError", "Neo.ClientError.Statement.ArgumentError")
ARITHMETIC: Final = ("ClientError", "Neo.ClientError.Statement.ArithmeticError")
PARAMETER: Final = ("ClientError", "Neo.ClientError.Statement.ParameterMissing")
CONSTRAINT: Final = ("ConstraintError", "Neo.ClientError.Schema.ConstraintValidationFailed")
UNKNOWN: Final = ("DatabaseError", "Neo.DatabaseError.General.UnknownError")
CREATION: Final = ("DatabaseError", "Neo.DatabaseError.Schema.ConstraintCreationFailed")
NO_PROCEDURE: Final = ("ClientError", "Neo.ClientError.Procedure.ProcedureNotFound")

LINE: Final = (
    "CREATE (:S {id: 'a'})-[:K {w: 1}]->(:S {id: 'b'})-[:K {w: 2}]->(:S {id: 'c'})-[:K {w: 3}]->(:S {id: 'd'})"
)
FIVE: Final = "UNWIND range(1, 5) AS i CREATE (:N {i: i, g: i % 2})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One statement and its answer.

    engines: those that answer so. setup: run before, each in its own transaction. rows: the expected rows; None = any.
    error: or the expected failure. check: a query run afterwards, also after an expected error; then `rows` are its
    rows. teardown: run at the end, whatever happened (schema only: the data is wiped before every case). mode: `auto`
    is a bare `session.run`, never used by the hub. instead: do not use the statement, and what to do.

    Graph values compare as {"labels", "properties"}, {"type", "properties"} and, for a path, a list of both in turn.
    Numbers compare with their type: 1 is not 1.0, and True is not 1.
    """

    name: str
    statement: str
    engines: Sequence[str] = BOTH
    setup: Sequence[str] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Sequence[Any]] | None = None
    error: Failure | None = None
    check: str | None = None
    teardown: Sequence[str] = ()
    mode: Literal["managed", "read", "auto"] = "managed"
    instead: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """A statement that two transactions run at once: the second starts before the first has committed.

    winners: how many of the two get a row.
    """

    name: str
    statement: str
    winners: int
    engines: Sequence[str] = BOTH
    instead: str | None = None


def case(name: str, statement: str, **rest: Any) -> Case:
    """Spell one case out."""
    return Case(name=name, statement=statement, **rest)


def differs(
    name: str, statement: str, *, neo4j: Mapping[str, Any], arcadedb: Mapping[str, Any], **common: Any
) -> list[Case]:
    """Spell out one case for each engine: `neo4j` and `arcadedb` hold what the two do not share."""
    own = (("arcadedb", arcadedb), ("neo4j", neo4j))
    return [case(f"{name}.{engine}", statement, engines=(engine,), **common, **answer) for engine, answer in own]
