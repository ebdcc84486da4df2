"""Mistakes that fail alike, and leave nothing behind."""

from __future__ import annotations

from typing import Final

from tests.contracts.dialect.cases import (
    ARITHMETIC,
    CONSTRAINT,
    FIVE,
    PARAMETER,
    SYNTAX,
    TYPE,
    Case,
    case,
)

__all__ = ["ERRORS"]

# A table, one case a paragraph: the formatter would triple it.
# fmt: off

ERRORS: Final[list[Case]] = [
    case("error.syntax", "RETRUN 1", error=SYNTAX),
    case("error.parameter", "RETURN $absent", error=PARAMETER),
    case("error.overflow", "RETURN 9223372036854775807 + $one", params={"one": 1}, error=ARITHMETIC),
    case("error.division", "RETURN 1 / $zero", params={"zero": 0}, error=ARITHMETIC),
    case("error.unique", "CREATE (:E1 {id: 1})",
         setup=["CREATE CONSTRAINT t_e1 FOR (n:E1) REQUIRE n.id IS UNIQUE", "CREATE (:E1 {id: 1})"],
         error=CONSTRAINT, check="MATCH (n:E1) RETURN count(n)", rows=[[1]],
         teardown=["DROP CONSTRAINT t_e1 IF EXISTS"]),
    case("error.unique.set", "MATCH (n:E2 {id: 2}) SET n.id = 1",
         setup=["CREATE CONSTRAINT t_e2 FOR (n:E2) REQUIRE n.id IS UNIQUE", "CREATE (:E2 {id: 1}), (:E2 {id: 2})"],
         error=CONSTRAINT, check="MATCH (n:E2) RETURN n.id ORDER BY n.id", rows=[[1], [2]],
         teardown=["DROP CONSTRAINT t_e2 IF EXISTS"]),
    case("error.unique.later_label", "MATCH (n:E0) SET n:E3",
         setup=["CREATE CONSTRAINT t_e3 FOR (n:E3) REQUIRE n.id IS UNIQUE", "CREATE (:E3 {id: 1}), (:E0 {id: 1})"],
         error=CONSTRAINT, teardown=["DROP CONSTRAINT t_e3 IF EXISTS"]),
    case("error.unique.freed_in_transaction", "MATCH (n:E4 {id: 1}) DETACH DELETE n CREATE (:E4 {id: 1, again: true})",
         setup=["CREATE CONSTRAINT t_e4 FOR (n:E4) REQUIRE n.id IS UNIQUE", "CREATE (:E4 {id: 1})"],
         check="MATCH (n:E4) RETURN n.id, n.again", rows=[[1, True]], teardown=["DROP CONSTRAINT t_e4 IF EXISTS"]),
    case("error.map_property", "CREATE (:A {m: $m})", params={"m": {"a": 1}}, error=TYPE,
         check="MATCH (n:A) RETURN count(n)", rows=[[0]]),
    case("error.leaves_nothing", "UNWIND range(1, 100) AS i MERGE (n:A {id: i}) SET n.x = 10 / (100 - i)",
         error=ARITHMETIC, check="MATCH (n:A) RETURN count(n)", rows=[[0]]),
    case("error.unknown_function", "RETURN nosuch(1)", error=SYNTAX),
    case("error.aggregate_mix", "MATCH (n:N) RETURN n.i + count(*)", setup=[FIVE], error=SYNTAX),
    case("read.index.unique", "MATCH (n:E5 {id: 1}) RETURN count(n)",
         setup=["CREATE CONSTRAINT t_e5 FOR (n:E5) REQUIRE n.id IS UNIQUE", "CREATE (:E5 {id: 1})"],
         rows=[[1]], teardown=["DROP CONSTRAINT t_e5 IF EXISTS"]),
]
