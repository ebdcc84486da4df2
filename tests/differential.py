"""The fast path against graphql-core: the same documents over the same rows, and the same bytes.

    python -m tests.differential --count 20000 [--engine embedded | --engine neo4j] [--seed N] [--json]

Half of the documents are made by hypothesis-graphql from the SDL, some of their values put into variables, half by
`tests.random_documents`: with variables, fragments, directives and computed fields. Callers differ in their scopes.
Without an engine rows are made for each document, five of seven times with values that break their type. With one, eight
documents at a time go through lanes and the Bolt lane to the small world, and then each alone to the judge (`make
neo4j` starts Neo4j).
Exit code 0: all answers are equal; 1: the document, its seed and both answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.graph.bolt.codec import find_codec
from hub.graph.bolt.lane import BoltLane
from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.embedded import ArcadeEngine
from hub.graph.engine import Engine
from hub.graph.lanes import LaneLimits, Lanes
from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import Execution, GraphQLRequest
from hub.graphql.limits import Limits
from hub.graphql.masking import answer_body
from hub.jsonbytes import json_bytes
from schema.access import ANONYMOUS, SCOPES, Principal
from schema.assembly import build_schema
from schema.context import Context, Graph, Statement
from schema.inspection import core_schema
from tests.generated_documents import documents, with_variables
from tests.graph_fakes import CannedGraph
from tests.graph_world import HOLDERS, fill_world
from tests.graphs import PATIENT, empty
from tests.made_rows import NEAR, MadeRows
from tests.neo4j_server import Neo4jServer
from tests.ports import CLERK, NOW, request_context
from tests.random_documents import random_document

__all__ = ["WIDE", "Difference", "Differential"]

WIDE: Final = Limits(
    tokens=100_000,
    depth=50,
    fields=100_000,
    aliases=10_000,
    directives=1000,
    root_fields=100,
    cost=10**12,
    seconds=PATIENT.read_s,
)
"""Limits that no generated document passes."""

_TOGETHER: Final = 8
_NEO4J: Final = Path(".neo4j")

_SPOILED: Final = ((0.0, None), (0.0, None), (0.02, None), (0.2, None), *((0.5, kind) for kind in NEAR))
"""(part of the leaves, their scalar): by which the rows of a document break their types."""

_CALLERS: Final = (
    CLERK,
    ANONYMOUS,
    Principal(county="370214", client="370214#3", token_id="t", scopes=frozenset(SCOPES), expires=NOW + 600),
    Principal(
        county="370214", client="370214#3", token_id="t", scopes=frozenset({"license.read.own", "case.read"}),
        expires=NOW + 600,
    ),
)  # fmt: skip


class Difference(AssertionError):
    """Two answers that differ."""


Case: TypeAlias = "tuple[str, dict[str, Any], int]"
"""A document, its variables, and the seed by which its caller and its made-up rows are drawn."""


@dataclass(slots=True)
class Differential:
    """Both executions over one graph. paths: how the fast one answered, and how often; `refused` by both.

    graph: None for made-up rows. run: runs a coroutine in the graph's loop.
    """

    graph: Graph | None = None
    run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run
    paths: Counter[str] = field(default_factory=Counter)
    _rows: dict[str, Any] = field(default_factory=dict)
    _shaped: Execution = field(init=False)
    _judge: Execution = field(init=False)

    def __post_init__(self) -> None:
        made = CannedGraph(answer=self._answer)
        fast: Graph = made if self.graph is None else Lanes(self.graph, limits=LaneLimits(wait_s=PATIENT.read_s))
        self._shaped = Execution(build_schema(), fast, limits=WIDE)
        self._judge = Execution(build_schema(), self.graph or made, limits=WIDE, shaped=False)

    def crooked(self, count: int, seed: int = 0) -> None:
        """Compare `count` documents of `tests.random_documents`. Raises Difference."""
        schema = core_schema(build_schema())
        made = (random_document(schema, number, skip=frozenset()) for number in range(seed, seed + count))
        self._compare_all([(one.text, one.variables, number) for number, one in enumerate(made, seed)])

    def generated(self, count: int) -> None:
        """Compare `count` documents of hypothesis-graphql, the same ones each time. Raises Difference."""
        schema, cases = core_schema(build_schema()), list[Case]()

        @settings(
            max_examples=count, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(text=documents(), seed=st.integers(0, 2**32))
        def made(text: str, seed: int) -> None:
            cases.append((*with_variables(text, schema, random.Random(seed)), seed))

        made()
        self._compare_all(cases)

    def _compare_all(self, cases: list[Case]) -> None:
        together = 1 if self.graph is None else _TOGETHER
        for start in range(0, len(cases), together):
            self.run(self._compare(cases[start : start + together]))

    async def _compare(self, cases: list[Case]) -> None:
        """Answer documents at once, then each again by the judge alone and by generated shapers. Raises Difference."""
        callers = [self._prepared(case) for case in cases]
        pairs = list(zip(cases, callers, strict=True))
        shaped = await asyncio.gather(*(self._answered(self._shaped, case, caller) for case, caller in pairs))
        for (case, caller), fast in zip(pairs, shaped, strict=True):
            slow = await self._answered(self._judge, case, caller)
            again = await self._answered(self._shaped, case, caller, generated=True)
            if not fast == slow == again:
                text, variables, seed = case
                raise Difference(
                    f"{text}\nvariables {variables}\nseed {seed}: {self._rows}\n{fast!r}\n{slow!r}\n{again!r}"
                )

    def _prepared(self, case: Case) -> Principal:
        """Draw a caller, and made-up rows where no engine has any."""
        text, variables, seed = case
        chance = random.Random(seed)
        caller, made = chance.choice(_CALLERS), MadeRows(chance, *chance.choice(_SPOILED))
        if self.graph is not None:
            return caller
        try:
            plan = self._judge.prepare(GraphQLRequest(query=text, variables=variables), _context(caller)).plan
        except DocumentRefused:
            plan = None
        self._rows = {} if plan is None else {one.compiled.text: made.of(one, most=4) for one in plan.roots}
        return caller

    def _answer(self, statement: Statement) -> Any:
        return self._rows[statement.text]

    async def _answered(self, execution: Execution, case: Case, caller: Principal, *, generated: bool = False) -> bytes:
        text, variables, _ = case
        counted = self.paths if execution is self._shaped and not generated else Counter[str]()
        for _, shape in execution.tables.shapes.items() if generated else ():
            if not shape.shaper.is_generated:
                shape.shaper.generate()
        try:
            answer = await execution.run(GraphQLRequest(query=text, variables=variables), _context(caller))
        except DocumentRefused as refused:
            counted["refused"] += 1
            return repr(refused.faults).encode()
        except Exception as error:  # noqa: BLE001  # what is masked for a caller must be the same, too
            counted["failed"] += 1
            return type(error).__name__.encode()
        counted[answer.path] += 1
        return json_bytes(answer_body(answer, "request-1"))


@contextmanager
def _over(name: str | None) -> Iterator[Differential]:
    """Give a campaign over made-up rows, or over the small world in an engine."""
    if name is None:
        yield Differential()
        return
    with TemporaryDirectory() as made, asyncio.Runner() as runner:
        own = ArcadeEngine(Path(made) / "graph", memory_mb=512) if name == "embedded" else None
        engine: Engine = own or Neo4jServer(_NEO4J, _NEO4J / "home" / "lib").engine()
        try:
            if own is not None:
                runner.run(own.start())
            driver = BoltDriver(engine, deadlines=PATIENT)
            runner.run(_filled(driver))
            lane = BoltLane(driver, find_codec())
            yield Differential(graph=BoltGraph(lane), run=runner.run)
            runner.run(lane.close())
            runner.run(driver.close())
        finally:
            if own is not None:
                runner.run(own.stop())


async def _filled(driver: BoltDriver) -> None:
    await empty(driver)
    await apply_constraints(driver)
    await fill_world(driver)


def _context(caller: Principal) -> Context:
    return request_context(principal=caller, holder_key=lambda _type, code: HOLDERS.get(code, "nobody"))


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign and tell what came of it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.differential", description="Compare shaped answers with graphql-core's, byte by byte.",
        epilog="Example: python -m tests.differential --count 20000",
    )  # fmt: skip
    parser.add_argument("--count", type=int, default=2_000, help="documents in all")
    parser.add_argument("--seed", type=int, default=0, help="of the first crooked document")
    parser.add_argument("--engine", choices=["embedded", "neo4j"], help="read the small world in an engine")
    parser.add_argument("--json", action="store_true", help="one object instead of the text")
    chosen = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    difference = ""
    with _over(chosen.engine) as campaign:
        try:
            campaign.crooked(chosen.count - chosen.count // 2, chosen.seed)
            campaign.generated(chosen.count // 2)
        except Difference as found:
            difference = str(found)
    told = {"documents": chosen.count, "engine": chosen.engine, **campaign.paths, "difference": difference or None}
    paths = ", ".join(f"{count} {path}" for path, count in sorted(campaign.paths.items()))
    print(json.dumps(told) if chosen.json else difference or f"{chosen.count} documents, no difference: {paths}")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
