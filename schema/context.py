"""The context of one request, and the ports that the schema needs and the hub implements.

A port is a Protocol of few methods; each method's comment is its contract, and one contract suite holds the fakes of
the tests and the real things to it. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ledger.consents import Purpose
from ledger.errors import Refused
from ledger.status import Status
from ledger.verdict import Verdict
from ledger.workdays import WorkingCalendar
from schema.access import ANONYMOUS, Principal
from schema.feed import Events
from schema.readafter import ReadAfter

if TYPE_CHECKING:
    from graphql.pyutils import Path

__all__ = [
    "Access",
    "AccessEntry",
    "Bases",
    "Basis",
    "Batch",
    "Clock",
    "Context",
    "FaceAnswer",
    "FaceRequest",
    "FaceSources",
    "Graph",
    "Journal",
    "Probes",
    "Projection",
    "Published",
    "Registry",
    "Standing",
    "Statement",
    "Submission",
]

Clock: TypeAlias = Callable[[], int]
"""The present time in POSIX seconds, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The form of a read that answers many askers at once; `hub/graph/compiler.py` shows one.

    It takes a list `ks` of maps, one an asker: the values of its parameters, and its number `i0`. It gives a list of
    pairs, [number, what the read alone would give]. shared: names of the parameters that all of them have in common and
    that are given beside `ks`. own: names of those in each asker's map, ascending. family: equal for reads that differ
    in nothing but the columns of their rows, whose callers have the same scopes, and whose askers give values of the
    same names; None where there is no other. columns: those of a row (`hub/graph/columns.py`).
    """

    text: str
    shared: tuple[str, ...]
    own: tuple[str, ...]
    family: tuple[str, str, frozenset[str], frozenset[str]] | None = None
    columns: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One compiled read: its text, and the values of its parameters. It gives exactly one record with one value.

    batch: its form for many; None when it goes alone. bookmarks: of the graph's writes that it must see, in a cluster.
    """

    text: str
    parameters: Mapping[str, Any]
    batch: Batch | None = field(default=None, compare=False)
    bookmarks: tuple[str, ...] = ()


class Graph(Protocol):
    """Reads of the graph."""

    async def read(self, statement: Statement) -> Any:
        """Run one read statement and give the value `r` of its single record.

        Retried while its deadline lasts. Raises Unavailable graph_unavailable or deadline.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of one submitted entry: an index, or an error by its stable code.

    state: `sequenced` (durable, index final) or `witnessed` (in a checkpoint with a quorum of cosignatures).
    receipt: the receipt file's bytes, for a witnessed seal when asked for. proof: the tlog-proof text of another entry.
    """

    index: int | None = None
    leaf: bytes | None = None
    state: str | None = None
    receipt: bytes | None = None
    proof: str | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The newest published checkpoint: the note as served, its size and root, quorum time, names that cosigned."""

    note: bytes
    size: int
    root: bytes
    time: int
    cosigners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Statuses of seals in one published checkpoint: its size, its quorum's time (POSIX seconds), one status each."""

    size: int
    time: int
    statuses: tuple[Status, ...]


class Registry(Protocol):
    """The hub's ledger, as the schema sees it."""

    async def submit(self, entries: Sequence[bytes], *, wait: bool) -> Sequence[Submission]:
        """Check and sequence 1..1,000 entries; one result each, in order; never raises for a single entry.

        wait: also wait (at most 10 s) for a witnessed checkpoint. Raises Unavailable pushback, unwitnessed_backlog,
        store_stopped for all of them.
        """
        ...

    def published(self) -> Published | None:
        """Give the newest published checkpoint, or None before the first."""
        ...

    async def receipt(self, index: int) -> bytes:
        """Make a fresh receipt (no disclosures) of the seal at `index` under the newest published checkpoint.

        Raises Conflict wrong_target if there is no published seal at `index`, Unavailable no_log before the first.
        """
        ...

    async def statuses(self, indexes: Sequence[int]) -> Standing:
        """Give the status of the seals at these indexes under the newest published checkpoint, in order.

        Raises Unavailable no_log before the first, and when a seal is not published (any more, under a new policy).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One read of a person's licenses or cases, as it is recorded: who, with which token, why, what was found.

    fields: the names of the API's fields that were selected. licenses: certificateIdentifiers in the answer, and the
    numbers of cases. basis: `consent/<id>` or `case/<number>`; None: the reader named none. matter: code of the matter
    that it was for, 12 digits; None: it was for none, or named none.
    """

    county: str
    client: str
    token_id: str
    use_cause: str
    basis: str | None = None
    matter: str | None = None
    root_field: str
    holder: str | None
    licenses: tuple[str, ...]
    fields: tuple[str, ...]
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """One access record as the journal holds it, with its 0-based position.

    licenses, cases: of what it gave, those that were asked after.
    """

    position: int
    access: Access
    licenses: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


class Journal(Protocol):
    """The journal, as the schema sees it."""

    async def record_access(self, access: Access) -> int:
        """Append one access record, durable when this returns; many callers share one commit. Gives its position.

        Raises Unavailable pushback or store_stopped: then the answer must not leave.
        """
        ...

    async def accesses(self, certificate_identifier: str, *, first: int, after: int = -1) -> Sequence[AccessEntry]:
        """Give the access records of one license, oldest first, positions above `after`, at most `first`."""
        ...

    async def accesses_of(
        self, holder: str, *, county: str | None, first: int, after: int = -1
    ) -> Sequence[AccessEntry]:  # fmt: skip
        """Give the access records of a holder's licenses, in the same order; of those that `county` sealed only.

        county None: of all of them, of the cases that the holder applied for, and those that found none. Each entry
        names the licenses and cases that it is given for.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """By what right a person's licenses are read, judged good at one time.

    name: `consent/<id>` or `case/<number>`, as an access record names it. holder: key of the holder whose licenses it
    is for. matter: 12 digits; None: any. fields: face fields that may be seen; None: all. purpose: of a consent; None:
    it is a case.
    """

    name: str
    holder: str
    matter: str | None
    fields: frozenset[str] | None
    purpose: Purpose | None


class Bases(Protocol):
    """Consents and cases, as those who read by them are judged."""

    async def judge(self, *, consent: str | None, case: str | None, county: str, at: int) -> Basis:
        """Judge a consent by its id, or a case by its number, for a county at a time (POSIX seconds).

        By what the journal holds when it is asked, so that a consent which was taken back is none. Raises Refused
        no_basis (none that is the county's), basis_ended (expired, taken back, or closed); Unavailable store_stopped.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRequest:
    """Ask one license's face: which license, of which county, which fields (the `metadataRange`), and why.

    fields: English metadata names of GB/T 36903 and `KZ_*` names; empty means all face fields.
    """

    certificate_identifier: str
    county: str
    fields: tuple[str, ...]
    use_cause: str
    caller: Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceAnswer:
    """One face, or the reason why it is missing. Exactly one of `values` and `code` is set.

    source: `node`, `legacy` or `vault`. as_of: when it was read at the county, or (vault) deposited by it, POSIX
    seconds. code: source_unavailable, deadline or absent.
    """

    values: Mapping[str, Any] | None
    source: str | None = None
    as_of: int | None = None
    code: str | None = None


class FaceSources(Protocol):
    """All record sources behind one call."""

    async def faces(self, requests: Sequence[FaceRequest]) -> Sequence[FaceAnswer]:
        """Ask all counties concurrently, one call a county; answers in the order of the requests.

        Ends within the deadline that the hub set (default 800 ms). A late or dead county gives its answers a code and
        leaves the rest untouched; never raises.
        """
        ...


class Probes(Protocol):
    """What each client has asked lately about people without a basis, and by bases that are none."""

    async def admit(self, principal: Principal, subject: str | None) -> None:
        """Let a client ask about one holder, license or case, by its key, before anything is read.

        subject: None for a read that names its basis, before it is judged.

        Raises Refused too_many_asked, too_many_misses, with the seconds until the next.
        """
        ...

    async def missed(self, principal: Principal) -> None:
        """Count a read that found nothing, or whose basis is none."""
        ...


class Projection(Protocol):
    """How far the graph has come behind ledger and journal."""

    async def reach(self, after: ReadAfter) -> tuple[str, ...]:
        """Wait, for a bounded time, until the graph holds what a write left; give the bookmarks that its reads carry.

        Raises Malformed bad_read_after (the logs have never been so long), Unavailable not_projected with retry_after.
        """
        ...


@dataclass(slots=True, kw_only=True)
class Context:
    """What one request carries: the caller, the ports, the clock.

    verify: the verifier bound to the hub's policy and genesis: (receipt, or QR code's text, as bytes; max_age seconds)
    -> Verdict; called in a worker thread. Raises Unavailable no_log (a QR code before the first checkpoint).
    holder_key: (certificateHolderTypeCode, certificateHolderCode) -> keyed hash of the holder, the `key` of `Holder`.
    calendar: the working days by which lamps and tolerated dates are computed.
    resume_after: cursor of the last event that the caller has, where its transport says so (SSE).
    arguments: the root field's arguments that computed fields below it may need, by response name of the root.
    granted: the basis that each root field is read by. withheld: face fields that its basis does not cover.
    bookmarks: what every read of this request carries. written: what must be waited for to read what it wrote.
    """

    principal: Principal = ANONYMOUS
    request_id: str = ""
    registry: Registry
    journal: Journal
    faces: FaceSources
    events: Events
    clock: Clock
    verify: Callable[[bytes, int], Verdict]
    holder_key: Callable[[str, str], str]
    calendar: WorkingCalendar
    bases: Bases
    probes: Probes
    projection: Projection
    arguments: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    loaders: dict[str, Any] = field(default_factory=dict)
    resume_after: str | None = None
    granted: dict[str, Basis] = field(default_factory=dict)
    withheld: dict[str, set[str]] = field(default_factory=dict)
    bookmarks: tuple[str, ...] = ()
    written: ReadAfter | None = None

    def basis(self, path: Path) -> Basis | None:
        """Give the basis of the root field above a field at `path`, if it names one."""
        return self.granted.get(_root_of(path))

    def argument(self, path: Path, name: str) -> Any:
        """Give an argument of the root field above a field at `path`; None if it has none."""
        return self.arguments.get(_root_of(path), {}).get(name)

    def withhold(self, path: Path, fields: Sequence[str]) -> None:
        """Note face fields that the basis of the root field above `path` does not cover."""
        if fields:
            self.withheld.setdefault(_root_of(path), set()).update(fields)

    def use_cause(self, path: Path) -> str:
        """Give the `useCause` of the root field above a field at `path`.

        Raises Refused use_cause when the root field has none.
        """
        cause = self.argument(path, "useCause")
        if not isinstance(cause, str) or not cause:
            raise Refused("use_cause", "this field needs a useCause on its root field")
        return cause


def _root_of(path: Path) -> str:
    """Give the response name of the root field above a field."""
    while path.prev is not None:
        path = path.prev
    return str(path.key)
