"""Strings, values of every type, and times."""

from __future__ import annotations

import datetime as dt
from typing import Final

import pytz
from neo4j import time as nt
from neo4j.spatial import CartesianPoint, WGS84Point

from tests.contracts.dialect.cases import (
    Case,
    case,
)

__all__ = ["STRINGS", "TIMES", "VALUES"]

# A table, one case a paragraph: the formatter would triple it.
# fmt: off

STRINGS: Final[list[Case]] = [
    case("string.functions", "RETURN toUpper('aB'), toLower('aB'), trim('  a '), split('a,b', ','), replace('aXa', "
         "'X', '-'), substring('hello', 1, 3), left('hello', 2), right('hello', 2), reverse('abc'), size('abc')",
         rows=[["AB", "ab", "a", ["a", "b"], "a-a", "ell", "he", "lo", "cba", 3]]),
    case("string.predicates", "RETURN 'abc' STARTS WITH 'a', 'abc' ENDS WITH 'c', 'abc' CONTAINS 'b', "
         "'abc' CONTAINS ''",
         rows=[[True, True, True, True]]),
    case("string.regex", "RETURN 'abc' =~ 'a.c', 'abc' =~ 'b', 'ABC' =~ '(?i)abc'", rows=[[True, False, True]]),
    case("string.prefix_parameter", "MATCH (n:A) WHERE n.code STARTS WITH $p RETURN n.code ORDER BY n.code",
         setup=["CREATE (:A {code: '370214'}), (:A {code: '370215'}), (:A {code: '110101'})"], params={"p": "3702"},
         rows=[["370214"], ["370215"]]),
    case("string.escape", "RETURN 'it\\'s \\\\ \\n \\u4e2d'", rows=[["it's \\ \n 中"]]),
    case("string.concatenate", "RETURN 'a' + 'b', 'n' + 1, 'a' || 'b'", rows=[["ab", "n1", "ab"]]),
    case("string.cjk", "RETURN size('营业执照'), substring('营业执照', 1, 2), '营业执照' CONTAINS '执照', "
         "reverse('营业')", rows=[[4, "业执", True, "业营"]]),
    case("string.order.ascii", "UNWIND ['b', 'B', 'a', '1', '', 'é', '中'] AS s RETURN s ORDER BY s",
         rows=[[""], ["1"], ["B"], ["a"], ["b"], ["é"], ["中"]]),
    case("string.order.rare", "MATCH (n:A) RETURN n.s ORDER BY n.s",
         setup=["CREATE (:A {s: '\U00020BB7'}), (:A {s: '\uff21'}), (:A {s: '中'})"],
         rows=[["中"], ["\uff21"], ["\U00020BB7"]]),
    case("string.rare", "RETURN size($s), left($s, 1), substring($s, 1, 1), reverse($s)", params={"s": "\U00020BB7田"},
         rows=[[2, "\U00020BB7", "田", "田\U00020BB7"]]),
    case("string.edges", "RETURN substring('abc', 5), substring('abc', 1, 9), left('abc', 9), split('', ','), "
         "split('a,,c', ',')", rows=[["", "bc", "abc", [""], ["a", "", "c"]]]),
    case("string.trim", "RETURN ltrim('xxa', 'x'), trim(BOTH 'x' FROM 'xax'), btrim('xax', 'x'), trim('\u3000a\u3000')",
         rows=[["a", "a", "a", "a"]]),
    case("string.injection", "MATCH (n:A) WHERE n.id = $id RETURN count(n)", setup=["CREATE (:A {id: 1})"],
         params={"id": "' OR 1=1 }) DETACH DELETE n //"}, check="MATCH (n:A) RETURN count(n)", rows=[[1]]),
    case("string.normalize", "RETURN normalize('e\u0301') = 'é'", rows=[[True]]),
]

STORED = "CREATE (n:A {v: $v}) RETURN n.v = $v"
REREAD = "MATCH (n:A) RETURN n.v"

VALUES: Final[list[Case]] = [
    case("value.node", "CREATE (n:A {id: 1}) RETURN n", rows=[[{"labels": ["A"], "properties": {"id": 1}}]]),
    case("value.relationship", "CREATE (:A)-[r:L {w: 1.5}]->(:B) RETURN r",
         rows=[[{"type": "L", "properties": {"w": 1.5}}]]),
    *(case(f"value.{kind}", STORED, params={"v": value}, check=REREAD, rows=[[value]]) for kind, value in [
        ("string", "plain"), ("string.empty", ""), ("string.nul", "a\x00b"), ("string.emoji", "😀"),
        ("string.cjk", "中华人民共和国"), ("string.rare_cjk", "\U00020BB7田"), ("string.long", "x" * 100_000),
        ("int.max", 2**63 - 1), ("int.min", -(2**63)), ("int.zero", 0),
        ("float", 0.1), ("float.whole", 1.0), ("float.tiny", 5e-324), ("float.infinite", float("inf")),
        ("bool.true", True), ("bool.false", False), ("bytes", b"\x00\x01\xff"), ("bytes.empty", b""),
        ("date", nt.Date(2026, 2, 28)), ("date.old", nt.Date(1899, 12, 31)),
        ("time.zoned", nt.Time(12, 34, 56, 123456789, tzinfo=pytz.FixedOffset(480))),
        ("time.local", nt.Time(12, 34, 56, 123456789)),
        ("datetime.local", nt.DateTime(2026, 2, 28, 12, 34, 56, 123456789)),
        ("duration", nt.Duration(months=14, days=3, seconds=5, nanoseconds=7)),
        ("point.wgs84", WGS84Point((120.38, 36.07))), ("point.wgs84_3d", WGS84Point((120.38, 36.07, 10.5))),
        ("point.cartesian", CartesianPoint((1.0, 2.0))),
        ("list.int", [1, 2, 3]), ("list.string", ["a", "中"]), ("list.float", [1.5, 2.0]), ("list.bool", [True, False]),
        ("list.empty", []), ("list.date", [nt.Date(2026, 1, 1), nt.Date(2026, 1, 2)]),
    ]),
    case("value.echo.map", "RETURN $v", params={"v": {"a": [1, {"b": None}], "c": "x"}},
         rows=[[{"a": [1, {"b": None}], "c": "x"}]]),
    case("value.echo.mixed_list", "RETURN $v", params={"v": [1, "a", None, [True]]}, rows=[[[1, "a", None, [True]]]]),
    case("value.echo.datetime", "RETURN $v",
         params={"v": nt.DateTime(2026, 2, 28, 12, 0, 0, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))},
         rows=[[nt.DateTime(2026, 2, 28, 12, 0, 0, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))]]),
    case("value.instant_as_text", "MATCH (n:A) WHERE n.at >= $from RETURN n.at ORDER BY n.at",
         setup=[("CREATE (:A {at: '2026-11-22T03:00:00Z'}), (:A {at: '2026-11-22T04:00:00Z'}), "
                "(:A {at: '2025-01-01T00:00:00Z'})")],
         params={"from": "2026-11-22T03:00:00Z"}, rows=[["2026-11-22T03:00:00Z"], ["2026-11-22T04:00:00Z"]]),
    case("value.float.nan", "CREATE (n:A {v: $v}) RETURN isNaN(n.v)", params={"v": float("nan")}, rows=[[True]]),
    case("value.point.plane", "RETURN point.distance(point({x: 0, y: 0}), point({x: 3, y: 4})), "
         "point.withinBBox(point({x: 3, y: 4}), point({x: 0, y: 0}), point({x: 5, y: 5}))", rows=[[5.0, True]]),
]

TIMES: Final[list[Case]] = [
    case("time.components", "WITH date('2026-02-28') AS d RETURN d.year, d.month, d.day, d.week, d.dayOfWeek, "
         "d.ordinalDay",
         rows=[[2026, 2, 28, 9, 6, 59]]),
    case("time.datetime.components", "WITH datetime('2026-02-28T12:34:56.789+08:00') AS d "
         "RETURN d.hour, d.minute, d.second, d.millisecond, d.offset", rows=[[12, 34, 56, 789, "+08:00"]]),
    case("time.add.month_end", "RETURN toString(date('2026-01-31') + duration('P1M')), "
         "toString(date('2026-01-31') + duration({days: 1}))", rows=[["2026-02-28", "2026-02-01"]]),
    case("time.subtract", "RETURN toString(date('2026-03-31') - duration('P1M'))", rows=[["2026-02-28"]]),
    case("time.between", "WITH duration.between(date('2026-01-31'), date('2026-03-01')) AS d RETURN d.months, d.days",
         rows=[[1, 1]]),
    case("time.in_days", "RETURN duration.inDays(date('2026-01-31'), date('2026-03-01')).days", rows=[[29]]),
    case("time.truncate", "RETURN toString(date.truncate('month', date('2026-02-28'))), "
         "toString(date.truncate('week', date('2026-02-28')))", rows=[["2026-02-01", "2026-02-23"]]),
    case("time.compare.zones", "RETURN datetime('2026-01-01T08:00:00+08:00') = datetime('2026-01-01T00:00:00Z'), "
         "datetime('2026-01-01T08:00:00+08:00') < datetime('2026-01-01T00:00:01Z')", rows=[[False, True]]),
    case("time.epoch", "RETURN datetime('2026-01-01T00:00:00Z').epochSeconds, "
         "datetime({epochMillis: 1767225600000}).epochMillis", rows=[[1767225600, 1767225600000]]),
    case("time.named_zone", "RETURN datetime('2026-01-01T08:00[Asia/Shanghai]').epochSeconds", rows=[[1767225600]]),
    case("time.order", "UNWIND [date('2026-02-01'), date('2025-12-31'), date('2026-01-01')] AS d "
         "RETURN toString(d) ORDER BY d", rows=[["2025-12-31"], ["2026-01-01"], ["2026-02-01"]]),
    case("time.date.compare_stored", "MATCH (n:A) WHERE n.until >= $today RETURN n.id",
         setup=["CREATE (:A {id: 1, until: date('2026-11-21')}), (:A {id: 2, until: date('2026-11-22')})"],
         params={"today": nt.Date(2026, 11, 22)}, rows=[[2]]),
    case("time.duration.text", "RETURN toString(duration('P1Y2M10DT2H30M')), duration('PT90M').minutes, "
         "duration('PT90M').hours", rows=[["P1Y2M10DT2H30M", 90, 1]]),
    case("time.date.forms", "RETURN toString(date('2026-W05-3')), toString(date('20260131')), "
         "toString(date({year: 2026, month: 2})), date(null)", rows=[["2026-01-28", "2026-01-31", "2026-02-01", None]]),
    case("time.duration.equality", "RETURN duration('P1M') = duration('P30D'), duration('P1D') = duration('PT24H')",
         rows=[[False, False]]),
    case("time.statement_clock", "RETURN date() = date.statement()", rows=[[True]]),
]
