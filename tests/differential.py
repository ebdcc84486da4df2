"""The generated shapers against graphql-core: the same documents over the same rows, and the same bytes.

    python -m tests.differential --count 20000 [--seed N] [--json]

Half of the documents are made by hypothesis-graphql from the SDL, half by `tests.random_documents`: with variables,
fragments, directives and computed fields. Rows are made for each, five of seven times with values that break their type;
callers differ in their scopes. Exit code 0: all answers are equal; 1: the document, its rows' seed and both answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import Execution, GraphQLRequest
from hub.graphql.limits import Limits
from hub.graphql.masking import answer_body
from hub.jsonbytes import json_bytes
from schema.access import ANONYMOUS, SCOPES, Principal
from schema.assembly import build_schema
from schema.context import Context, Statement
from schema.inspection import core_schema
from tests.generated_documents import documents
from tests.graph_fakes import CannedGraph
from tests.graph_world import HOLDERS
from tests.made_rows import NEAR, MadeRows
from tests.ports import CLERK, NOW, request_context
from tests.random_documents import random_document

__all__ = ["WIDE", "Difference", "Differential"]

WIDE: Final = Limits(
    tokens=100_000, depth=50, fields=100_000, aliases=10_000, directives=1000, root_fields=100, cost=10**12
)
"""Limits that no generated document passes."""

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


@dataclass(slots=True)
class Differential:
    """Both executions over one graph of made-up rows. paths: how the shaped one answered, and how often."""

    paths: Counter[str] = field(default_factory=Counter)
    _rows: dict[str, Any] = field(default_factory=dict)
    _shaped: Execution = field(init=False)
    _judge: Execution = field(init=False)

    def __post_init__(self) -> None:
        graph = CannedGraph(answer=self._answer)
        self._shaped, self._judge = (
            Execution(build_schema(), graph, limits=WIDE, shaped=shaped) for shaped in (True, False)
        )

    def _answer(self, statement: Statement) -> Any:
        return self._rows[statement.text]

    async def compare(self, text: str, variables: dict[str, Any], seed: int) -> None:
        """Answer one document twice over rows of this seed. Raises Difference."""
        chance = random.Random(seed)
        caller, made = chance.choice(_CALLERS), MadeRows(chance, *chance.choice(_SPOILED))
        request = GraphQLRequest(query=text, variables=variables)
        try:
            plan = self._judge.prepare(request, _context(caller)).plan
        except DocumentRefused:
            plan = None
        self._rows = {} if plan is None else {one.compiled.text: made.of(one, most=4) for one in plan.roots}
        shaped, judged = await self._run(self._shaped, request, caller), await self._run(self._judge, request, caller)
        if shaped != judged:
            raise Difference(
                f"{text}\nvariables {variables}\nrows of seed {seed}: {self._rows}\n{shaped!r}\n{judged!r}"
            )

    async def _run(self, execution: Execution, request: GraphQLRequest, caller: Principal) -> bytes:
        try:
            answer = await execution.run(request, _context(caller))
        except DocumentRefused as refused:
            return repr(refused.faults).encode()
        except Exception as error:  # noqa: BLE001  # what is masked for a caller must be the same, too
            return type(error).__name__.encode()
        if execution is self._shaped:
            self.paths[answer.path] += 1
        return json_bytes(answer_body(answer, "request-1"))

    def crooked(self, count: int, seed: int = 0) -> None:
        """Compare `count` documents of `tests.random_documents`. Raises Difference."""
        schema = core_schema(build_schema())
        for number in range(seed, seed + count):
            made = random_document(schema, number, skip=frozenset())
            asyncio.run(self.compare(made.text, made.variables, number))

    def generated(self, count: int) -> None:
        """Compare `count` documents of hypothesis-graphql, the same ones each time. Raises Difference."""

        @settings(
            max_examples=count, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(text=documents(), seed=st.integers(0, 2**32))
        def compared(text: str, seed: int) -> None:
            asyncio.run(self.compare(text, {}, seed))

        compared()


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
    parser.add_argument("--json", action="store_true", help="one object instead of the text")
    chosen = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    campaign, difference = Differential(), ""
    try:
        campaign.crooked(chosen.count - chosen.count // 2, chosen.seed)
        campaign.generated(chosen.count // 2)
    except Difference as found:
        difference = str(found)
    told = {"documents": chosen.count, **campaign.paths, "difference": difference or None}
    paths = ", ".join(f"{count} {path}" for path, count in sorted(campaign.paths.items()))
    print(json.dumps(told) if chosen.json else difference or f"{chosen.count} documents, no difference: {paths}")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
