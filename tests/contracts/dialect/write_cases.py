"""Writes in managed transactions."""

from __future__ import annotations

from typing import Final

from tests.contracts.dialect.cases import (
    FIVE,
    LINE,
    Case,
    case,
)

__all__ = ["WRITES"]

# A table, one case a paragraph: the formatter would triple it.
# fmt: off

WRITES: Final[list[Case]] = [
    case("write.create", "CREATE (n:A {id: $id, n: 1}) RETURN n", params={"id": "x"},
         rows=[[{"labels": ["A"], "properties": {"id": "x", "n": 1}}]]),
    case("write.create.map", "CREATE (n:A $props) RETURN n.id, n.n", params={"props": {"id": "x", "n": 2}},
         rows=[["x", 2]]),
    case("write.create.two_labels", "CREATE (n:A:B {id: 1}) WITH n UNWIND labels(n) AS l RETURN l ORDER BY l",
         rows=[["A"], ["B"]]),
    case("write.create.null_property", "CREATE (n:A {id: 1, x: null}) RETURN keys(n)", rows=[[["id"]]]),
    case("write.merge.on_create", "MERGE (n:A {id: $id}) ON CREATE SET n.made = 1 ON MATCH SET n.seen = 1 "
         "RETURN n.made, n.seen", params={"id": 1}, rows=[[1, None]]),
    case("write.merge.on_match", "MERGE (n:A {id: $id}) ON CREATE SET n.made = 1 ON MATCH SET n.seen = 1 "
         "RETURN n.made, n.seen", setup=["CREATE (:A {id: 1})"], params={"id": 1}, rows=[[None, 1]]),
    case("write.merge.relationship", "MATCH (a:S {id: 'a'}), (b:S {id: 'b'}) MERGE (a)-[r:K]->(b) "
         "ON MATCH SET r.again = true RETURN r", setup=[LINE],
         rows=[[{"type": "K", "properties": {"w": 1, "again": True}}]]),
    case("write.merge.relationship.twice", "MATCH (a:S {id: 'a'}), (c:S {id: 'c'}) MERGE (a)-[:L]->(c) "
         "MERGE (a)-[:L]->(c)", setup=[LINE], check="MATCH (:S {id: 'a'})-[r:L]->() RETURN count(r)", rows=[[1]]),
    case("write.merge.path", "MERGE (a:A {id: 1})-[:L]->(b:B {id: 2}) RETURN a.id, b.id", rows=[[1, 2]]),
    case("write.unwind.maps", "UNWIND $rows AS row MERGE (n:A {id: row.id}) SET n += row.set "
         "RETURN n.id, n.v ORDER BY n.id",
         params={"rows": [{"id": 1, "set": {"v": "x"}}, {"id": 2, "set": {"v": "y"}}]}, rows=[[1, "x"], [2, "y"]]),
    case("write.unwind.same_key", "UNWIND $rows AS row MERGE (n:A {id: row.id}) SET n += row",
         params={"rows": [{"id": 1, "v": 1}, {"id": 1, "v": 2}]}, check="MATCH (n:A) RETURN n.id, n.v", rows=[[1, 2]]),
    case("write.unwind.links", "UNWIND $rows AS row MATCH (a:S {id: row.a}) MATCH (b:S {id: row.b}) "
         "MERGE (a)-[r:L]->(b) SET r += row.set", setup=[LINE],
         params={"rows": [{"a": "a", "b": "c", "set": {"n": 1}}, {"a": "b", "b": "d", "set": {"n": 2}}]},
         check="MATCH (a)-[r:L]->(b) RETURN a.id, b.id, r.n ORDER BY a.id", rows=[["a", "c", 1], ["b", "d", 2]]),
    case("write.unwind.empty", "UNWIND $rows AS row CREATE (:A {id: row.id})", params={"rows": []},
         check="MATCH (n:A) RETURN count(n)", rows=[[0]]),
    case("write.unwind.50k", "UNWIND $rows AS i CREATE (:A {id: i})", params={"rows": list(range(50_000))},
         check="MATCH (n:A) RETURN count(n), max(n.id)", rows=[[50_000, 49_999]]),
    case("write.set.merge_map", "MATCH (n:A) SET n += $set RETURN n", setup=["CREATE (:A {id: 1, a: 1, b: 2})"],
         params={"set": {"a": None, "c": 3}}, rows=[[{"labels": ["A"], "properties": {"id": 1, "b": 2, "c": 3}}]]),
    case("write.set.replace_map", "MATCH (n:A) SET n = $set RETURN n", setup=["CREATE (:A {id: 1, a: 1, b: 2})"],
         params={"set": {"c": 3}}, rows=[[{"labels": ["A"], "properties": {"c": 3}}]]),
    case("write.set.null", "MATCH (n:A) SET n.a = null RETURN keys(n)", setup=["CREATE (:A {id: 1, a: 1})"],
         rows=[[["id"]]]),
    case("write.set.swap", "MATCH (n:A) WITH n, n.a AS a, n.b AS b SET n.a = b, n.b = a RETURN n.a, n.b",
         setup=["CREATE (:A {a: 1, b: 2})"], rows=[[2, 1]]),
    case("write.remove.property", "MATCH (n:A) REMOVE n.a RETURN n.a, n.id", setup=["CREATE (:A {id: 1, a: 1})"],
         rows=[[None, 1]]),
    case("write.label.add", "MATCH (n:A) SET n:B:C", setup=["CREATE (:A {id: 1})"],
         check="MATCH (n:A:B:C) RETURN n.id", rows=[[1]]),
    case("write.label.remove", "MATCH (n:A) REMOVE n:B", setup=["CREATE (:A:B {id: 1})"],
         check="MATCH (n:A) RETURN n", rows=[[{"labels": ["A"], "properties": {"id": 1}}]]),
    case("write.label.add_keeps_links", "MATCH (n:S {id: 'b'}) SET n:B", setup=[LINE],
         check="MATCH (a:S)-[:K]->(b:B)-[:K]->(c:S) RETURN a.id, b.id, c.id", rows=[["a", "b", "c"]]),
    case("write.label.dynamic_set", "MATCH (n:A) SET n:$($l)", setup=["CREATE (:A {id: 1})"], params={"l": "B"},
         check="MATCH (n:B) RETURN n.id", rows=[[1]]),
    case("write.label.dynamic_match", "MATCH (n:$($l)) RETURN n.id", setup=["CREATE (:A {id: 1}), (:B {id: 2})"],
         params={"l": "B"}, rows=[[2]]),
    case("write.property.dynamic_read", "MATCH (n:A) RETURN n[$k]", setup=["CREATE (:A {id: 1, a: 7})"],
         params={"k": "a"}, rows=[[7]]),
    case("write.property.dynamic_write", "MATCH (n:A) SET n[$k] = 8 RETURN n.a", setup=["CREATE (:A {id: 1})"],
         params={"k": "a"}, rows=[[8]]),
    case("write.foreach", "MATCH (n:A) FOREACH (i IN range(1, 3) | CREATE (n)-[:L]->(:B {i: i}))",
         setup=["CREATE (:A {id: 1})"], check="MATCH (:A)-[:L]->(b:B) RETURN b.i ORDER BY b.i", rows=[[1], [2], [3]]),
    case("write.foreach.conditional",
         "MATCH (n:A) FOREACH (_ IN CASE WHEN n.id = 1 THEN [1] ELSE [] END | SET n.hit = true) "
         "RETURN n.id, n.hit ORDER BY n.id", setup=["CREATE (:A {id: 1}), (:A {id: 2})"], rows=[[1, True], [2, None]]),
    case("write.delete.detach", "MATCH (n:S {id: 'b'}) DETACH DELETE n", setup=[LINE],
         check="MATCH (n:S) OPTIONAL MATCH (n)-[r]-() RETURN n.id, count(r) ORDER BY n.id",
         rows=[["a", 0], ["c", 1], ["d", 1]]),
    case("write.delete.relationship", "MATCH (:S {id: 'a'})-[r:K]->() DELETE r", setup=[LINE],
         check="MATCH ()-[r:K]->() RETURN count(r)", rows=[[2]]),
    case("write.delete.batch", "MATCH (n:N) WITH n LIMIT $n DETACH DELETE n RETURN count(*)", setup=[FIVE],
         params={"n": 2}, rows=[[2]]),
    case("write.delete.unconnected", "MATCH (n:A) DELETE n", setup=["CREATE (:A {id: 1})"],
         check="MATCH (n:A) RETURN count(n)", rows=[[0]]),
    case("write.call.unit", "MATCH (n:N) CALL (n) { SET n.seen = true } RETURN count(n)", setup=[FIVE], rows=[[5]]),
    case("write.call.create", "UNWIND [1, 2] AS i CALL (i) { CREATE (b:B {i: i}) RETURN b } RETURN b.i ORDER BY b.i",
         rows=[[1], [2]]),
    case("write.increment", "MERGE (c:C {id: 1}) ON CREATE SET c.v = 1 ON MATCH SET c.v = c.v + 1 RETURN c.v",
         setup=["CREATE (:C {id: 1, v: 41})"], rows=[[42]]),
    case("write.compare_and_swap", "MATCH (c:C {id: 1}) WHERE c.v = $old SET c.v = $new RETURN count(c)",
         setup=["CREATE (:C {id: 1, v: 1})"], params={"old": 0, "new": 9}, rows=[[0]]),
    case("write.compare_and_swap.locked", "MATCH (c:C {id: 1}) SET c.lock = true WITH c WHERE c.v = $old "
         "SET c.v = $new RETURN c.v", setup=["CREATE (:C {id: 1, v: 1})"], params={"old": 1, "new": 2}, rows=[[2]]),
    case("write.list.append", "MATCH (n:A) SET n.l = [x IN coalesce(n.l, []) WHERE x <> 'a'] + ['c'] RETURN n.l",
         setup=["CREATE (:A {l: ['a', 'b']})"], rows=[[["b", "c"]]]),
    case("write.see_own_relationship", "MATCH (a:A {i: 1}) CREATE (a)-[:L]->(b:A {i: 2}) WITH a MATCH (a)-[:L]->(c) "
         "RETURN c.i", setup=["CREATE (:A {i: 1})"], rows=[[2]]),
    case("write.label.then_link", "MATCH (n:A) SET n:B CREATE (n)-[:L]->(:C) RETURN n.id",
         setup=["CREATE (:A {id: 1})-[:L]->(:C)"], check="MATCH (n:B)-[:L]->(c) RETURN n.id, count(c)", rows=[[1, 2]]),
    case("write.merge.two_labels", "MERGE (n:A {id: 1}) RETURN size(labels(n))", setup=["CREATE (:A:B {id: 1})"],
         rows=[[2]]),
    case("write.merge.undirected", "MATCH (a:A {id: 1}), (b:A {id: 2}) MERGE (a)-[:L]-(b)",
         setup=["CREATE (:A {id: 1})<-[:L]-(:A {id: 2})"], check="MATCH ()-[r:L]->() RETURN count(r)", rows=[[1]]),
    case("write.delete.then_return", "MATCH (a:A) WITH a, a.i AS i DETACH DELETE a RETURN i",
         setup=["CREATE (:A {i: 1})"],
         rows=[[1]]),
    case("write.foreach.nested", "MATCH (n:A) WITH collect(n) AS ns FOREACH (n IN ns | SET n.k = 1 "
         "FOREACH (i IN [1, 2] | MERGE (b:B {i: i}) MERGE (n)-[:L]->(b))) RETURN size(ns)",
         setup=["CREATE (:A {i: 1}), (:A {i: 2})"], check="MATCH (:A {k: 1})-[r:L]->(:B) RETURN count(r)", rows=[[4]]),
]
