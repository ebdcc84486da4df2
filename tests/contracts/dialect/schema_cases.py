"""Constraints and indexes that both engines know."""

from __future__ import annotations

from typing import Final

from tests.contracts.dialect.cases import (
    CONSTRAINT,
    LINE,
    Case,
    case,
)

__all__ = ["SCHEMA"]

# A table, one case a paragraph: the formatter would triple it.
# fmt: off

SCHEMA: Final[list[Case]] = [
    case("schema.unique", "CREATE CONSTRAINT t_u FOR (n:U) REQUIRE n.id IS UNIQUE",
         check="SHOW CONSTRAINTS YIELD name, labelsOrTypes, properties WHERE name = 't_u' "
               "RETURN name, labelsOrTypes, properties",
         rows=[["t_u", ["U"], ["id"]]], teardown=["DROP CONSTRAINT t_u IF EXISTS"]),
    case("schema.unique.composite", "CREATE CONSTRAINT t_u2 FOR (n:U2) REQUIRE (n.a, n.b) IS UNIQUE",
         check="SHOW CONSTRAINTS YIELD name, labelsOrTypes, properties WHERE name = 't_u2' "
               "RETURN name, labelsOrTypes, properties",
         rows=[["t_u2", ["U2"], ["a", "b"]]], teardown=["DROP CONSTRAINT t_u2 IF EXISTS"]),
    case("schema.unique.composite.rejects", "CREATE (:U3 {a: 1, b: 2})",
         setup=["CREATE CONSTRAINT t_u3 FOR (n:U3) REQUIRE (n.a, n.b) IS UNIQUE",
                "CREATE (:U3 {a: 1, b: 2}), (:U3 {a: 1, b: 3})"],
         error=CONSTRAINT, check="MATCH (n:U3) RETURN count(n)", rows=[[2]],
         teardown=["DROP CONSTRAINT t_u3 IF EXISTS"]),
    case("schema.unique.twice", "CREATE CONSTRAINT t_u4 IF NOT EXISTS FOR (n:U4) REQUIRE n.id IS UNIQUE",
         setup=["CREATE CONSTRAINT t_u4 IF NOT EXISTS FOR (n:U4) REQUIRE n.id IS UNIQUE"],
         check="SHOW CONSTRAINTS YIELD name WHERE name = 't_u4' RETURN count(*)", rows=[[1]],
         teardown=["DROP CONSTRAINT t_u4 IF EXISTS"]),
    case("schema.unique.missing_property", "CREATE (:U5), (:U5)",
         setup=["CREATE CONSTRAINT t_u5 FOR (n:U5) REQUIRE n.id IS UNIQUE"],
         check="MATCH (n:U5) RETURN count(n)", rows=[[2]], teardown=["DROP CONSTRAINT t_u5 IF EXISTS"]),
    case("schema.unique.relationship", "MATCH (a:S {id: 'a'}), (b:S {id: 'b'}) CREATE (a)-[:RU {id: 1}]->(b)",
         setup=["CREATE CONSTRAINT t_ru FOR ()-[r:RU]-() REQUIRE r.id IS UNIQUE",
                "CREATE (:S {id: 'a'})-[:RU {id: 1}]->(:S {id: 'b'})"],
         error=CONSTRAINT, check="MATCH ()-[r:RU]->() RETURN count(r)", rows=[[1]],
         teardown=["DROP CONSTRAINT t_ru IF EXISTS"]),
    case("schema.index.range", "CREATE INDEX t_i1 IF NOT EXISTS FOR (n:I1) ON (n.a)",
         check="SHOW INDEXES YIELD name, type, labelsOrTypes, properties WHERE name = 't_i1' "
               "RETURN name, type, labelsOrTypes, properties",
         rows=[["t_i1", "RANGE", ["I1"], ["a"]]], teardown=["DROP INDEX t_i1 IF EXISTS"]),
    case("schema.index.text", "CREATE TEXT INDEX t_i2 IF NOT EXISTS FOR (n:I2) ON (n.a)",
         check="SHOW INDEXES YIELD name, labelsOrTypes WHERE name = 't_i2' RETURN name, labelsOrTypes",
         rows=[["t_i2", ["I2"]]], teardown=["DROP INDEX t_i2 IF EXISTS"]),
    case("schema.index.point", "CREATE POINT INDEX t_i3 IF NOT EXISTS FOR (n:I3) ON (n.a)",
         check="SHOW INDEXES YIELD name, labelsOrTypes WHERE name = 't_i3' RETURN name, labelsOrTypes",
         rows=[["t_i3", ["I3"]]], teardown=["DROP INDEX t_i3 IF EXISTS"]),
    case("schema.index.composite", "CREATE INDEX t_i4 IF NOT EXISTS FOR (n:I4) ON (n.a, n.b)",
         check="SHOW INDEXES YIELD name, properties WHERE name = 't_i4' RETURN name, properties",
         rows=[["t_i4", ["a", "b"]]], teardown=["DROP INDEX t_i4 IF EXISTS"]),
    case("schema.index.relationship", "CREATE INDEX t_i5 IF NOT EXISTS FOR ()-[r:I5]-() ON (r.a)",
         check="SHOW INDEXES YIELD name, entityType, labelsOrTypes WHERE name = 't_i5' "
               "RETURN name, entityType, labelsOrTypes",
         rows=[["t_i5", "RELATIONSHIP", ["I5"]]], teardown=["DROP INDEX t_i5 IF EXISTS"]),
    case("schema.index.twice", "CREATE INDEX t_i6 IF NOT EXISTS FOR (n:I6) ON (n.a)",
         setup=["CREATE INDEX t_i6 IF NOT EXISTS FOR (n:I6) ON (n.a)"],
         check="SHOW INDEXES YIELD name WHERE name = 't_i6' RETURN count(*)", rows=[[1]],
         teardown=["DROP INDEX t_i6 IF EXISTS"]),
    case("schema.index.state",  # Neo4j fills a new index in the background
         "SHOW INDEXES YIELD name, state WHERE name = 't_i7' RETURN state IN ['POPULATING', 'ONLINE']",
         setup=["CREATE INDEX t_i7 FOR (n:I7) ON (n.a)"], rows=[[True]], teardown=["DROP INDEX t_i7 IF EXISTS"]),
    case("schema.index.beside_unique", "CREATE INDEX t_i9 IF NOT EXISTS FOR (n:I9) ON (n.a)",
         setup=["CREATE CONSTRAINT t_u11 FOR (n:I9) REQUIRE n.a IS UNIQUE"],
         check="SHOW CONSTRAINTS YIELD name, type, entityType WHERE name = 't_u11' RETURN type, entityType",
         rows=[["UNIQUENESS", "NODE"]], teardown=["DROP INDEX t_i9 IF EXISTS", "DROP CONSTRAINT t_u11 IF EXISTS"]),
    case("schema.unique.of_constraint", "SHOW INDEXES YIELD owningConstraint, labelsOrTypes, properties, state "
         "WHERE owningConstraint = 't_u12' RETURN labelsOrTypes, properties, state",
         setup=["CREATE CONSTRAINT t_u12 FOR (n:U12) REQUIRE n.a IS UNIQUE"], rows=[[["U12"], ["a"], "ONLINE"]],
         teardown=["DROP CONSTRAINT t_u12 IF EXISTS"]),
    case("schema.unique.two_labels", "CREATE (:U13 {id: 1})",
         setup=["CREATE CONSTRAINT t_u13 FOR (n:U13) REQUIRE n.id IS UNIQUE", "CREATE (:U13:U14 {id: 1})"],
         error=CONSTRAINT, check="MATCH (n:U13) RETURN count(n)", rows=[[1]],
         teardown=["DROP CONSTRAINT t_u13 IF EXISTS"]),
    case("schema.unique.case_and_space", "CREATE (:U15 {id: 'a '}), (:U15 {id: 'a'}), (:U15 {id: 'A'}), "
         "(:U15 {id: ''})",
         setup=["CREATE CONSTRAINT t_u15 FOR (n:U15) REQUIRE n.id IS UNIQUE"],
         check="MATCH (n:U15) RETURN n.id ORDER BY n.id", rows=[[""], ["A"], ["a"], ["a "]],
         teardown=["DROP CONSTRAINT t_u15 IF EXISTS"]),
    case("schema.drop.index", "DROP INDEX t_i8", setup=["CREATE INDEX t_i8 FOR (n:I8) ON (n.a)"],
         check="SHOW INDEXES YIELD name WHERE name = 't_i8' RETURN count(*)", rows=[[0]],
         teardown=["DROP INDEX t_i8 IF EXISTS"]),
    case("schema.drop.constraint", "DROP CONSTRAINT t_u9",
         setup=["CREATE CONSTRAINT t_u9 FOR (n:U9) REQUIRE n.id IS UNIQUE"],
         check="SHOW CONSTRAINTS YIELD name WHERE name = 't_u9' RETURN count(*)", rows=[[0]],
         teardown=["DROP CONSTRAINT t_u9 IF EXISTS"]),
    case("schema.drop.absent", "DROP CONSTRAINT t_absent IF EXISTS", rows=[]),
    case("schema.procedures.labels", "CALL db.labels() YIELD label WITH label WHERE label = 'S' RETURN label",
         setup=[LINE], rows=[["S"]]),
    case("schema.procedures.types",
         "CALL db.relationshipTypes() YIELD relationshipType AS t WITH t WHERE t = 'K' RETURN t",
         setup=[LINE], rows=[["K"]]),
    case("schema.procedures.ping", "CALL db.ping() YIELD success RETURN success", rows=[[True]]),
    case("schema.procedures.components", "CALL dbms.components() YIELD name, edition WITH name, edition "
         "WHERE name = 'Neo4j Kernel' RETURN name, edition", rows=[["Neo4j Kernel", "community"]]),
    case("schema.show.databases", "SHOW DATABASES YIELD name, currentStatus WHERE currentStatus = 'online' "
         "RETURN count(*) > 0", rows=[[True]]),
]
