"""One GraphQL request: plan -> rows -> values.

    document (cached) -> plan (cached) -> one statement a stored root field, all at once -> rows -> answer

    compiled    stored fields alone: the plan's shapers make the answer from the rows
    hybrid      computed fields too: graphql-core runs these alone, and their values are laid over the shaped ones
    completed   graphql-core completes everything, over the same rows: a mutation, introspection, `_entities`, a root
                field that failed, a value that breaks its type; so nulls, paths and errors are its own

The stored root fields are fetched before anything is completed, and nothing is asked or resolved twice. Every read of
a person's records is recorded before the answer leaves; an answer whose record cannot be written does not leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import strawberry
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, execute
from graphql.execution import ExecutionResult
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.execution import optimized_is_awaitable

from hub.deadlines import Deadlines
from hub.graph.entities import EntitiesPlan
from hub.graph.hybrid import laid_over
from hub.graph.plan import BoundRoot, Plan, RootPlan
from hub.graph.shaper import UNSURE, Unsure
from hub.graph.tables import Tables, build_tables
from hub.graphql.admission import Admission, Admitted
from hub.graphql.documents import Document, DocumentRefused, Documents, Fault, wording
from hub.graphql.hints import Hints
from hub.graphql.limits import LIMITS, Limits, over
from hub.graphql.readings import behind, grant, record, settled
from hub.graphql.resolvers import Roots, install_resolvers
from hub.graphql.timings import Timing
from hub.graphql.variables import variable_reader
from hub.lru import CacheCount
from hub.turns import aside
from ledger.errors import Malformed, TongbanError, Unavailable
from schema.context import Context, Graph
from schema.readafter import ReadAfter

_is_awaitable: Final[Any] = optimized_is_awaitable  # Strawberry's quicker test, typed as a plain bool there

_STREAMED: Final = "a subscription goes over a WebSocket (graphql-transport-ws), or to /graphql/stream"

__all__ = [
    "PATHS",
    "Answer",
    "AnswerPath",
    "Execution",
    "GraphQLRequest",
    "NotByGet",
    "NotHere",
    "Ready",
    "refusal_error",
]

AnswerPath: TypeAlias = Literal["compiled", "hybrid", "completed"]
PATHS: Final[tuple[AnswerPath, ...]] = ("compiled", "hybrid", "completed")
"""How an answer was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQLRequest:
    """What a client asks: the document's text, which operation of it, its variables as they came.

    document_id: identifier of a trusted document; `query` is empty then. tell_cost: the answer is to say what it cost.
    read_after: what the graph must hold before it is read.
    """

    query: str = ""
    document_id: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    tell_cost: bool = False
    read_after: ReadAfter | None = None


class NotByGet(Exception):
    """The operation must not be sent by GET: it changes something, or its arguments would stand in a URL."""


class NotHere(Exception):
    """The operation changes something, and this process only reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The outcome of an executed request. errors: of the fields, as they came; refusals stand last.

    personal: it holds a person's records, and no cache may keep it. path: how it was made. cost: of the document, where
    the request asks for it. written: what a query waits for to read what this request wrote.
    """

    data: dict[str, Any] | None
    errors: Sequence[GraphQLError]
    personal: bool
    path: AnswerPath = "compiled"
    cost: int | None = None
    written: ReadAfter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What a statement gave for one root field."""

    bound: BoundRoot
    rows: Sequence[Any]


_Records: TypeAlias = "dict[str, _Record | TongbanError]"
"""Response name of a root field -> its record, or the expected failure that stands in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A request that passed every check that needs no I/O. cost: of its operation."""

    document: Document
    operation: OperationDefinitionNode
    variables: VariableValues
    plan: Plan
    request: GraphQLRequest
    cost: int

    @property
    def told_cost(self) -> int | None:
        """The cost, where the request asks for it."""
        return self.cost if self.request.tell_cost else None


class Execution:
    """Runs requests against one schema and one graph.

    shaped: False lets graphql-core complete every answer: the judge, for tests and figures. read_only: mutations are
    another process's.
    """

    def __init__(
        self, schema: strawberry.Schema, graph: Graph, *, limits: Limits = LIMITS, dev: bool = False,
        shaped: bool = True, admission: Admission | None = None, read_only: bool = False,
    ) -> None:  # fmt: skip
        self.tables: Final[Tables] = build_tables(schema)
        self._executor = schema.execution_context_class
        self._graph = graph
        self._limits = limits
        self._reading = Deadlines(limits.seconds)
        self._changing = Deadlines(limits.mutation_seconds)
        self._dev = dev
        self._hints = Hints(self.tables.schema)
        self._shapes = shaped
        self._read_only = read_only
        self._documents = Documents(self.tables, limits, dev=dev)
        self.admitted: Final = Admitted(self._documents, admission or Admission())
        install_resolvers(self.tables)

    @property
    def ways(self) -> Mapping[str, int]:
        """How many documents went which way since start, as of `Documents`."""
        return self._documents.ways

    @property
    def caches(self) -> Mapping[str, CacheCount]:
        """What the caches of documents and plans gave since start."""
        return self._documents.caches

    async def run(
        self, request: GraphQLRequest, context: Context, *, by_get: bool = False, timing: Timing | None = None
    ) -> Answer:
        """Check, plan and run one request.

        Raises DocumentRefused for what is wrong with document or variables (bad_document, bad_variables,
        limit_exceeded, bad_request), NotByGet, NotHere, and Unavailable deadline, pushback. What goes wrong in a field
        is in the answer.
        """
        timing = timing or Timing()
        async with self.admitted.turn(context.principal):
            timing.enter("plan")
            ready = self.prepare(request, context, by_get=by_get)
            timing.cost = ready.cost
            if ready.operation.operation is OperationType.SUBSCRIPTION:
                raise DocumentRefused([Fault(code="bad_request", message=_STREAMED)])
            return await self.answer(ready, context, timing)

    async def answer(self, ready: Ready, context: Context, timing: Timing | None = None) -> Answer:
        """Run a query or a mutation that was prepared, in its turn. Raises Unavailable deadline, pushback."""
        timing = timing or Timing()
        changes = ready.operation.operation is OperationType.MUTATION
        if changes and self._read_only:
            raise NotHere
        try:
            with (self._changing if changes else self._reading).hold():
                answer = await self._execute(ready, context, timing)
        except TimeoutError as error:
            raise Unavailable("deadline", "the request took too long") from error
        timing.path = answer.path
        return answer

    def prepare(self, request: GraphQLRequest, context: Context, *, by_get: bool = False) -> Ready:
        """Check and plan a request. Raises DocumentRefused, NotByGet, Refused too_many_requests, Malformed.

        Unless the hub runs for development, no error names what the request does not name.
        """
        try:
            return self._prepared(request, context, by_get=by_get)
        except DocumentRefused as refused:
            faults = [replace(one, message=self._worded(one.message, request)) for one in refused.faults]
            raise DocumentRefused(faults) from refused
        except Malformed as error:
            raise Malformed(error.code, self._worded(error.message, request)) from error

    def _worded(self, message: str, request: GraphQLRequest) -> str:
        return message if self._dev else self._hints.hidden(message, request.query)

    def _prepared(self, request: GraphQLRequest, context: Context, *, by_get: bool) -> Ready:
        document = self.admitted.load(request, context.principal)
        try:
            operation = document.operation(request.operation_name)
        except TongbanError as error:
            raise DocumentRefused([Fault(code=error.code, message=error.message)]) from error
        if by_get and operation.operation is OperationType.MUTATION:
            raise NotByGet
        variables = self._coerced(document, operation, request.variables)
        principal = context.principal
        scopes = None if principal.county is None else principal.scopes
        plan = self._documents.plan(document, operation, variables, scopes)
        if by_get and plan.post_only:
            raise NotByGet
        cost = plan.cost(variables)
        if cost > self._limits.cost:
            passed = over("cost", self._limits.cost, cost)
            raise DocumentRefused([Fault(code=passed.code, message=passed.message)])
        return Ready(document=document, operation=operation, variables=variables, plan=plan, request=request, cost=cost)

    def _coerced(
        self, document: Document, operation: OperationDefinitionNode, given: Mapping[str, Any]
    ) -> VariableValues:
        name = operation.name.value if operation.name else ""
        reader = document.readers.get(name)
        if reader is None:
            reader = document.readers[name] = variable_reader(self.tables.schema, operation)
        return reader.read(given) or self._judged(operation, given)

    def _judged(self, operation: OperationDefinitionNode, given: Mapping[str, Any]) -> VariableValues:
        values = get_variable_values(
            self.tables.schema,
            operation.variable_definitions or (),
            dict(given),
            max_errors=self._limits.errors,
            hide_suggestions=not self._dev,
        )
        if isinstance(values, list):
            raise DocumentRefused([_variable_fault(error) for error in values])
        return values

    async def _execute(self, ready: Ready, context: Context, timing: Timing) -> Answer:
        plan = ready.plan
        refusals = [refusal_error(one) for one in plan.refusals]
        if plan.empty:
            return Answer(data=None, errors=refusals, personal=plan.personal, cost=ready.told_cost)
        timing.enter("read")
        if ready.request.read_after is not None and (plan.roots or plan.entities):
            with aside():
                context.bookmarks = await context.projection.reach(ready.request.read_after)
        records = await self._fetch(plan, ready.variables, context, timing)
        named = {one.response: await self._entities(one, ready.variables, context, timing) for one in plan.entities}
        timing.enter("complete")
        data, errors, path = await self._answered(ready, records, named, context)
        data, errors = await settled(data, errors, context)
        return Answer(
            data=data, errors=[*errors, *refusals], personal=plan.personal, path=path, cost=ready.told_cost,
            written=context.written,
        )  # fmt: skip

    async def _answered(
        self, ready: Ready, records: _Records, named: Mapping[str, Any], context: Context
    ) -> tuple[dict[str, Any] | None, list[GraphQLError], AnswerPath]:
        plan = ready.plan
        stored = _shaped(plan, records) if self._shapes else None
        if stored is None:
            values = {**{root.response: _value(root, records[root.response]) for root in plan.roots}, **named}
            done = await self._complete(ready, ready.document.tree, values, context)
            return done.data, list(done.errors or ()), "completed"
        if plan.computed is None:
            return stored, [], "compiled"
        values = {root.response: _value(root, records[root.response], computed=True) for root in plan.roots}
        tree = DocumentNode(definitions=(plan.computed, *ready.document.fragments.values()))
        done = await self._complete(ready, tree, values, context)
        return laid_over(stored, done.data), list(done.errors or ()), "hybrid"

    async def _fetch(self, plan: Plan, variables: VariableValues, context: Context, timing: Timing) -> _Records:
        reads = [self._root(root, variables, context, timing) for root in plan.roots]
        found = [await reads[0]] if len(reads) == 1 else await asyncio.gather(*reads)
        for each in found:
            if isinstance(each, Unavailable) and each.code == "pushback":
                raise each  # the whole request is to come again, not a part of it
        return {root.response: record for root, record in zip(plan.roots, found, strict=True)}

    async def _entities(
        self, entities: EntitiesPlan, variables: VariableValues, context: Context, timing: Timing
    ) -> Any:
        """Give the nodes that a list of representations names, or the expected failure that stands in their place."""
        try:
            bound = entities.bind(variables, context)
            timing.statements += len(bound.statements)
            read = (self._graph.read(behind(context, one)) for one in bound.statements.values())
            return bound.value(await asyncio.gather(*read))
        except TongbanError as error:
            return error

    async def _root(
        self, root: RootPlan, variables: VariableValues, context: Context, timing: Timing
    ) -> _Record | TongbanError:
        """Read the record of one stored root field, or give the expected failure that stands in its place."""
        try:
            arguments = context.arguments[root.response] = root.arguments(variables)
            if arguments.get("basis") is not None:
                await context.probes.admit(context.principal, None)
            basis = await grant(root, arguments, context)
            bound = root.bind(arguments, context, basis)
            counted = root.entry.declaration.personal and basis is None
            if counted:
                await context.probes.admit(context.principal, bound.subject)
            timing.statements += 1
            rows = await self._graph.read(behind(context, bound.statement))
            if counted and not root.found(rows, bound.page):
                await context.probes.missed(context.principal)
            if root.entry.declaration.personal:
                await record(root, bound, rows, context)
        except TongbanError as error:
            context.granted.pop(root.response, None)  # nothing leaves by it: it is not judged again
            if error.code == "no_basis":
                await context.probes.missed(context.principal)
            return error
        return _Record(bound=bound, rows=rows)

    async def _complete(
        self, ready: Ready, tree: DocumentNode, values: Mapping[str, Any], context: Context
    ) -> ExecutionResult:
        result: Any = execute(
            self.tables.schema,
            tree,
            root_value=Roots(values=values, refused=ready.plan.refused),
            context_value=context,
            variable_values=dict(ready.request.variables),
            operation_name=ready.request.operation_name,
            executor_class=self._executor,
            is_awaitable=_is_awaitable,
            hide_suggestions=not self._dev,
        )
        return result if isinstance(result, ExecutionResult) else await result


def _shaped(plan: Plan, records: _Records) -> dict[str, Any] | None:
    """Give the answer's stored part; None where graphql-core must complete it."""
    if not plan.shaped:
        return None
    data: dict[str, Any] = {}
    try:
        for response, one in plan.top:
            data[response] = _shape(one, records[response]) if isinstance(one, RootPlan) else one and one.name
    except UNSURE:
        return None
    return data


def _shape(root: RootPlan, record: _Record | TongbanError) -> Any:
    if isinstance(record, TongbanError):
        raise Unsure
    return root.shaper(record.rows, record.bound.page)


def _value(root: RootPlan, record: _Record | TongbanError, *, computed: bool = False) -> Any:
    if isinstance(record, TongbanError):
        return record
    read = root.computed_value if computed else root.value
    return read(record.rows, record.bound.page)


def refusal_error(refusal: Any) -> GraphQLError:
    """Give the error that stands in place of a field that the caller may not see."""
    return GraphQLError(
        refusal.error().message, nodes=refusal.node, path=list(refusal.path), original_error=refusal.error()
    )


def _variable_fault(error: GraphQLError) -> Fault:
    code = (error.extensions or {}).get("code", "bad_variables")
    locations = tuple((one.line, one.column) for one in error.locations or ())
    return Fault(code=code, message=wording(error.message), locations=locations)
