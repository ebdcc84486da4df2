"""The product's own shapes: compiled reads, look-ups, the projection with its cursor."""

from __future__ import annotations

from typing import Final

from neo4j import time as nt

from tests.contracts.dialect.cases import (
    Case,
    case,
)

__all__ = ["MODEL"]

# A table, one case a paragraph: the formatter would triple it.
# fmt: off

WORLD = (
    "CREATE (p:Jurisdiction {code: '370000', name: '山东省'}), "
    "(p)<-[:WITHIN]-(c:Jurisdiction {code: '370200', name: '青岛市'}), "
    "(c)<-[:WITHIN]-(x:Jurisdiction {code: '370214', name: '城阳区'}), "
    "(c)<-[:WITHIN]-(y:Jurisdiction {code: '370215', name: '即墨区'}), "
    "(m:Matter {id: 'm1'})<-[:IMPLEMENTS]-(o1:Offering {id: 'o1', days: 5})-[:IN]->(x), "
    "(m)<-[:IMPLEMENTS]-(o2:Offering {id: 'o2', days: 7})-[:IN]->(y), "
    "(o1)-[:REQUIRES]->(a:Material {id: 'a'})-[:SATISFIED_BY]->(t:LicenseType {id: 't1'}), "
    "(o1)-[:REQUIRES]->(:Material {id: 'b'}), (o2)-[:REQUIRES]->(a), "
    "(l1:License {id: 'l1', status: 'valid', until: date('2030-01-01')})-[:OF_TYPE]->(t), "
    "(l2:License {id: 'l2', status: 'revoked'})-[:OF_TYPE]->(t), "
    "(l1)-[:HELD_BY]->(h:Holder {key: 'h1'})<-[:HELD_BY]-(l2), "
    "(l1)-[:ISSUED_BY]->(:Authority {uscc: 'u1', name: '市监局'})-[:OF {since: 2020}]->(x)")

MODEL: Final[list[Case]] = [
    case("model.ancestors", "MATCH (j:Jurisdiction {code: $code})-[:WITHIN*0..]->(p) "
         "RETURN p.code ORDER BY p.code DESC", setup=[WORLD], params={"code": "370214"},
         rows=[["370214"], ["370200"], ["370000"]]),
    case("model.root_path", "MATCH p = (j:Jurisdiction {code: $code})-[:WITHIN*]->(r) WHERE NOT (r)-[:WITHIN]->() "
         "RETURN [n IN nodes(p) | n.name]", setup=[WORLD], params={"code": "370214"},
         rows=[[["城阳区", "青岛市", "山东省"]]]),
    case("model.offerings_below", "MATCH (:Jurisdiction {code: $code})<-[:WITHIN*0..3]-(j)<-[:IN]-(o:Offering)"
         "-[:IMPLEMENTS]->(:Matter {id: $matter}) RETURN j.code, o.id, o.days ORDER BY o.days", setup=[WORLD],
         params={"code": "370200", "matter": "m1"}, rows=[["370214", "o1", 5], ["370215", "o2", 7]]),
    case("model.checklist", "MATCH (:Offering {id: $offering})-[:REQUIRES]->(m:Material) "
         "RETURN m.id, COLLECT { MATCH (m)-[:SATISFIED_BY]->(t:LicenseType)<-[:OF_TYPE]-(l:License {status: 'valid'})"
         "-[:HELD_BY]->(:Holder {key: $holder}) WHERE l.until IS NULL OR l.until >= $today "
         "RETURN l {.id, type: t.id} ORDER BY l.id } ORDER BY m.id", setup=[WORLD],
         params={"offering": "o1", "holder": "h1", "today": nt.Date(2026, 11, 22)},
         rows=[["a", [{"id": "l1", "type": "t1"}]], ["b", []]]),
    case("model.checklist.optional", "MATCH (:Offering {id: $offering})-[:REQUIRES]->(m:Material) "
         "OPTIONAL MATCH (m)-[:SATISFIED_BY]->(:LicenseType)<-[:OF_TYPE]-(l:License {status: 'valid'})"
         "-[:HELD_BY]->(:Holder {key: $holder}) WITH m, l ORDER BY l.id WITH m, collect(l.id) AS have "
         "RETURN m.id, have, size(have) > 0 ORDER BY m.id", setup=[WORLD], params={"offering": "o1", "holder": "h1"},
         rows=[["a", ["l1"], True], ["b", [], False]]),
    case("model.difference", "MATCH (x:Offering {id: $x}), (y:Offering {id: $y}) "
         "RETURN COLLECT { MATCH (x)-[:REQUIRES]->(m) WHERE NOT EXISTS { (y)-[:REQUIRES]->(m) } RETURN m.id "
         "ORDER BY m.id }",
         setup=[WORLD], params={"x": "o1", "y": "o2"}, rows=[[["b"]]]),
    case("model.wallet", "MATCH (:Holder {key: $holder})<-[:HELD_BY]-(l:License) WHERE $after IS NULL OR l.id > $after "
         "RETURN l {.*} ORDER BY l.id LIMIT $first", setup=[WORLD], params={"holder": "h1", "after": "l1", "first": 5},
         rows=[[{"id": "l2", "status": "revoked"}]]),
    case("model.case", "MATCH (l:License {id: $license}) MATCH (o:Offering {id: $offering}) "
         "MERGE (c:Case {id: $case}) ON CREATE SET c.at = $at MERGE (c)-[:FOR]->(o) MERGE (c)-[:USES]->(l) "
         "RETURN c.id, c.at",
         setup=[WORLD, "CREATE (:Case {id: 'c1', at: '2026-11-21T00:00:00Z'})"],
         params={"license": "l1", "offering": "o1", "case": "c1", "at": "2026-11-22T00:00:00Z"},
         rows=[["c1", "2026-11-21T00:00:00Z"]]),
    case("model.newest_wins", "MERGE (l:License {id: $id}) ON CREATE SET l.seq = $seq ON MATCH SET l.seq = "
         "CASE WHEN l.seq IS NULL OR l.seq < $seq THEN $seq ELSE l.seq END RETURN l.seq",
         setup=["CREATE (:License {id: 'l1', seq: 9})"],
         params={"id": "l1", "seq": 4}, rows=[[9]]),
    case("model.project", "MATCH (c:Cursor {id: $log}) SET c.lock = true WITH c WHERE c.at = $from SET c.at = $to "
         "WITH c UNWIND $rows AS row MERGE (l:License {id: row.id}) SET l += row.set RETURN count(l)",
         setup=["CREATE (:Cursor {id: 'log', at: 7})"],
         params={"log": "log", "from": 7, "to": 9, "rows": [{"id": "x", "set": {"status": "valid"}}, {"id": "y",
                 "set": {}}]},
         rows=[[2]]),
    case("model.project.stale", "MATCH (c:Cursor {id: $log}) SET c.lock = true WITH c WHERE c.at = $from "
         "SET c.at = $to WITH c UNWIND $rows AS row MERGE (l:License {id: row.id}) SET l += row.set RETURN count(l)",
         setup=["CREATE (:Cursor {id: 'log', at: 9})"],
         params={"log": "log", "from": 7, "to": 9, "rows": [{"id": "x", "set": {}}]},
         check="MATCH (l:License) RETURN count(l)", rows=[[0]]),
    case("model.nearest_common", "MATCH (a:Jurisdiction {code: $a}), (b:Jurisdiction {code: $b}) "
         "MATCH p = shortestPath((a)-[:WITHIN*..8]-(b)) RETURN [n IN nodes(p) | n.code]", setup=[WORLD],
         params={"a": "370214", "b": "370215"}, rows=[[["370214", "370200", "370215"]]]),
    case("model.compiled.to_one", "MATCH (a0:Holder {key: $k})<-[:HELD_BY]-(a1:License) "
         "WITH a1 ORDER BY a1.id LIMIT $first RETURN collect([a1.id, head([(a1)-[:ISSUED_BY]->(a2:Authority) | "
         "[a2.name, head([(a2)-[r:OF]->(a3:Jurisdiction) | [a3.name, r.since]])]])]) AS r",
         setup=[WORLD], params={"k": "h1", "first": 20},
         rows=[[[["l1", ["市监局", ["城阳区", 2020]]], ["l2", None]]]]),
    case("model.compiled.row_rule", "MATCH (a0:Holder {key: $k})<-[:HELD_BY]-(a1:License) "
         "WHERE EXISTS { (a1)-[:ISSUED_BY]->(:Authority)-[:OF]->(x:Jurisdiction) WHERE x.code IN $scope } "
         "WITH a1 ORDER BY a1.id LIMIT $first RETURN collect([a1.id, a1.status]) AS r",
         setup=[WORLD], params={"k": "h1", "first": 20, "scope": ["370214", "370215"]}, rows=[[[["l1", "valid"]]]]),
    case("model.compiled.to_many", "MATCH (a0:Offering {id: $k}) RETURN collect([a0.id, COLLECT { "
         "MATCH (a0)-[:REQUIRES]->(a1:Material) RETURN [a1.id] ORDER BY a1.id LIMIT $page }]) AS r",
         setup=[WORLD], params={"k": "o1", "page": 5}, rows=[[[["o1", [["a"], ["b"]]]]]]),
    case("model.compiled.to_many.nested", "MATCH (a0:Matter {id: $k}) RETURN collect([a0.id, COLLECT { "
         "MATCH (a0)<-[:IMPLEMENTS]-(a1:Offering) RETURN [a1.id, COLLECT { MATCH (a1)-[:REQUIRES]->(a2:Material) "
         "RETURN [a2.id] ORDER BY a2.id LIMIT $page }] ORDER BY a1.id LIMIT $page }]) AS r",
         setup=[WORLD], params={"k": "m1", "page": 5},
         rows=[[[["m1", [["o1", [["a"], ["b"]]], ["o2", [["a"]]]]]]]]),
    case("model.compiled.to_many.call", "MATCH (a0:Offering {id: $k}) CALL (a0) { "
         "MATCH (a0)-[:REQUIRES]->(a1:Material) WITH a1 ORDER BY a1.id LIMIT $page RETURN collect([a1.id]) AS l0 } "
         "RETURN collect([a0.id, l0]) AS r", setup=[WORLD], params={"k": "o1", "page": 1}, rows=[[[["o1", [["a"]]]]]]),
    case("model.compiled.batch", "UNWIND $ks AS k MATCH (a0:License {id: k}) WITH k, collect([a0.id, a0.status]) AS x "
         "ORDER BY k RETURN collect([k, x]) AS r", setup=[WORLD], params={"ks": ["l1", "none", "l2"]},
         rows=[[[["l1", [["l1", "valid"]]], ["l2", [["l2", "revoked"]]]]]]),
    case("model.compiled.batch.call", "UNWIND $ks AS k CALL (k) { MATCH (a0:License {id: k}) "
         "RETURN collect([a0.id]) AS x } WITH k, x ORDER BY k RETURN collect([k, x]) AS r",
         setup=[WORLD], params={"ks": ["l1", "none"]}, rows=[[[["l1", [["l1"]]], ["none", []]]]]),
    case("model.compiled.page", "MATCH (a0:Jurisdiction) WHERE a0.code > $after WITH a0 ORDER BY a0.code LIMIT $first "
         "RETURN collect([a0.code, a0.name]) AS r", setup=[WORLD], params={"after": "370200", "first": 1},
         rows=[[[["370214", "城阳区"]]]]),
    case("model.compiled.absent", "MATCH (a0:License {id: $k}) RETURN collect([a0.id]) AS r", setup=[WORLD],
         params={"k": "none"}, rows=[[[]]]),
    case("model.compiled.checklist", "MATCH (a0:Offering {id: $k}) RETURN collect([a0.id, COLLECT { "
         "MATCH (a0)-[:REQUIRES]->(a1:Material) RETURN [a1.id, COLLECT { MATCH (a1)-[:SATISFIED_BY]->(:LicenseType)"
         "<-[:OF_TYPE]-(a2:License)-[:HELD_BY]->(:Holder {key: $holder}) WHERE a2.status = $valid "
         "RETURN [a2.id] ORDER BY a2.id LIMIT $page }] ORDER BY a1.id LIMIT $page }]) AS r", setup=[WORLD],
         params={"k": "o1", "holder": "h1", "valid": "valid", "page": 9},
         rows=[[[["o1", [["a", [["l1"]]], ["b", []]]]]]]),
    case("model.mixed_result", "CALL () { MATCH (o:Offering) RETURN o.id AS id, 'offering' AS kind UNION ALL "
         "MATCH (l:License) RETURN l.id AS id, 'license' AS kind } RETURN id, kind ORDER BY id LIMIT 3", setup=[WORLD],
         rows=[["l1", "license"], ["l2", "license"], ["o1", "offering"]]),
]
