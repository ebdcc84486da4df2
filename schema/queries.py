"""The root fields that read the graph: each names its start, its access rule and its cost, and is never run itself.

A start is a key, or a page of a small catalogue label; a start on a whole label cannot be declared. A field that reads
a person's licenses is `personal`: it needs a `useCause`, and without scope it gives null and one error that is the
same whether the license exists or not, because nothing is read before it.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import strawberry
from strawberry.types import Info

from schema.accesses import HolderReads
from schema.cases import Case
from schema.catalogue import IN_FORCE, ON_LIST, LicenseType, ListedMatter, Material, Matter, Offering
from schema.checklist import Checklist
from schema.comparison import ON_DAY, MatterComparison
from schema.connections import DEFAULT_PAGE, After, Connection, First
from schema.consents import Consent, ReadBasis
from schema.context import Context
from schema.entities import ENTITIES, AnyRepresentation
from schema.escalation import Escalation, EscalationDay, EscalationPlace
from schema.jurisdictions import Authority, Jurisdiction, JurisdictionLevel
from schema.licenses import HolderInput, License, LicenseReceipt
from schema.mapping import EntityStart, Expression, KeyStart, PageStart, Relation, computed, root
from schema.objections import Objection
from schema.scalars import CaseNumber, CatalogueCode, Cursor, Date, LicenseIdentifier, StatementId, UseCause
from schema.statistics import CountyStatistics, StatisticsPeriod
from schema.subgraph import Service, subgraph_sdl
from schema.subscriptions import CaseEventFeed
from schema.transparency import Checkpoint, checkpoint_of
from schema.verification import DAY, MaxAge, ReceiptText, VerifyResult, verify_receipt

__all__ = ["Query"]

MatterType: TypeAlias = Annotated[
    str | None, strawberry.argument(name="type", description="Only matters of this type.")
]
MatterMode: TypeAlias = Annotated[str | None, strawberry.argument(description="Only matters handled in this mode.")]

FirstDay: TypeAlias = Annotated[Date, strawberry.argument(name="from", description="First day, in China.")]
LastDay: TypeAlias = Annotated[Date, strawberry.argument(name="to", description="Last day, in China.")]

OnDay: TypeAlias = Annotated[Date | None, strawberry.argument(description="A day in China; by default today.")]

ByBasis: TypeAlias = Annotated[
    ReadBasis | None, strawberry.argument(description="Needed with the scope license.read: by what right it is read.")
]

Entity: TypeAlias = Annotated[
    Authority | Jurisdiction | LicenseType | Material | Matter | Offering,
    strawberry.union("_Entity", description="What another subgraph can name by a representation."),
]

ForMatter: TypeAlias = Annotated[
    CatalogueCode | None,
    strawberry.argument(description="Code of the matter that it is read for; needed where the consent is for one."),
]

_IMPLEMENTED_BY = Relation(type="IMPLEMENTS", direction="in", target="Offering", many=True, order="code")
_OPEN_AT = Relation(type="OPEN_AT", direction="in", target="Objection", many=True, order="order")
_HELD_BY = Relation(type="HELD_BY", direction="in", target="License", many=True, order="certificateIdentifier")

_APPLIED_BY = Relation(type="APPLIED_BY", direction="in", target="Case", many=True, order="caseNumber")
_GRANTED_BY = Relation(type="GRANTED_BY", direction="in", target="Consent", many=True, order="id")

# The holder, or a county that has sealed something of the holder: to any other the holder is as one who has nothing.
_ASKS_OF_OWN = (
    "({n}.key = $caller_holder OR EXISTS { MATCH ({n})<-[:HELD_BY]-(y:License) WHERE y.sealedBy = $caller_county })"
)


@strawberry.type(description="What can be asked.")
class Query:
    """Every read of the graph starts from a key, or pages through a small label of the catalogue."""

    @root(KeyStart(label="Jurisdiction", key="code", argument="code"), access="public")
    def jurisdiction(self, code: CatalogueCode) -> Jurisdiction | None:
        """One jurisdiction by its division code; null if there is none."""
        raise NotImplementedError

    @root(PageStart(label="Jurisdiction", key="code", filters=(("level", "level"),)), access="public")
    def jurisdictions(
        self, level: JurisdictionLevel | None = None, first: First = DEFAULT_PAGE, after: After = None
    ) -> Connection[Jurisdiction]:
        """Jurisdictions by code, of one level or all."""
        raise NotImplementedError

    @root(KeyStart(label="Authority", key="code", argument="code"), access="public")
    def authority(self, code: CatalogueCode) -> Authority | None:
        """One authority by its unified social credit code; null if there is none."""
        raise NotImplementedError

    @root(KeyStart(label="Matter", key="code", argument="code"), access="public")
    def matter(self, code: CatalogueCode) -> Matter | None:
        """One matter by its code; null if there is none."""
        raise NotImplementedError

    @root(PageStart(label="Matter", key="code", filters=(("type", "type"), ("mode", "mode"))), access="public")
    def matters(
        self,
        matter_type: MatterType = None,
        mode: MatterMode = None,
        first: First = DEFAULT_PAGE,
        after: After = None,
    ) -> Connection[Matter]:
        """Matters by code, of one type or mode or all; also those that are off the list, or come to it later."""
        raise NotImplementedError

    @root(
        PageStart(
            label="MatterVersion",
            key="code",
            filters=(("type", "type"), ("mode", "mode")),
            where=Expression(cypher=ON_LIST, parameters=("on", "today")),
        ),
        access="public",
    )
    def matter_list(
        self,
        on: OnDay = None,
        matter_type: MatterType = None,
        mode: MatterMode = None,
        first: First = DEFAULT_PAGE,
        after: After = None,
    ) -> Connection[ListedMatter]:
        """The alliance's list on a day, by code: each matter with the name and mode that it has then."""
        raise NotImplementedError

    @root(
        KeyStart(
            label="Offering",
            key="service",
            argument=("matter", "county"),
            separator="@",
            where=Expression(cypher=ON_DAY.replace("{t}", "{n}"), parameters=("on", "today")),
        ),
        access="public",
    )
    def offering(self, matter: CatalogueCode, county: CatalogueCode, on: OnDay = None) -> Offering | None:
        """One county's offering of a matter, by matter code and county code; null if none is in force on that day."""
        raise NotImplementedError

    @root(
        KeyStart(
            label="Matter",
            key="code",
            argument="matter",
            via=_IMPLEMENTED_BY,
            page=True,
            where=Expression(cypher=ON_DAY.replace("{t}", "{n}"), parameters=("on", "today")),
        ),
        access="public",
    )
    def offerings(
        self, matter: CatalogueCode, on: OnDay = None, first: First = DEFAULT_PAGE, after: After = None
    ) -> Connection[Offering]:
        """The counties' offerings of a matter that are in force on a day, by code."""
        raise NotImplementedError

    @root(KeyStart(label="Matter", key="code", argument="matter"), access="public")
    def comparison(self, matter: CatalogueCode, on: OnDay = None) -> MatterComparison | None:
        """What differs between the counties' offerings of a matter on a day; null if there is no such matter."""
        raise NotImplementedError

    @root(
        KeyStart(
            label="Offering",
            key="service",
            argument=("matter", "county"),
            separator="@",
            where=Expression(cypher=IN_FORCE.replace("{t}", "{n}"), parameters=("today",)),
            binds=(("holder", "holder_key"),),
        ),
        access="license.checklist",
        personal=True,
    )
    def checklist(
        self,
        matter: CatalogueCode,
        county: CatalogueCode,
        holder: HolderInput,
        use_cause: UseCause,
        basis: ByBasis = None,
    ) -> Checklist | None:
        """What a holder still has to bring for a matter in a county; null if it is not offered there today."""
        raise NotImplementedError

    @root(KeyStart(label="LicenseType", key="code", argument="code"), access="public")
    def license_type(self, code: CatalogueCode) -> LicenseType | None:
        """One license type by its code; null if there is none."""
        raise NotImplementedError

    @root(PageStart(label="LicenseType", key="code"), access="public")
    def license_types(self, first: First = DEFAULT_PAGE, after: After = None) -> Connection[LicenseType]:
        """License types by code."""
        raise NotImplementedError

    @root(
        KeyStart(label="License", key="certificateIdentifier", argument="certificateIdentifier"),
        access="license.read",
        personal=True,
    )
    def license(
        self,
        certificate_identifier: LicenseIdentifier,
        use_cause: UseCause,
        basis: ByBasis = None,
        matter: ForMatter = None,
    ) -> License | None:
        """One license by its identifier; null if there is none that the caller may see."""
        raise NotImplementedError

    @root(
        KeyStart(label="Holder", key="key", argument="holder", bind="holder_key", via=_HELD_BY, page=True),
        access="license.read",
        personal=True,
    )
    def licenses(
        self,
        holder: HolderInput,
        use_cause: UseCause,
        basis: ByBasis = None,
        matter: ForMatter = None,
        first: First = DEFAULT_PAGE,
        after: After = None,
    ) -> Connection[License] | None:
        """A holder's licenses of all counties, by identifier; an empty page if there is none."""
        raise NotImplementedError

    @root(
        KeyStart(label="License", key="certificateIdentifier", argument="certificateIdentifier"),
        access="license.read",
        personal=True,
    )
    def receipt(
        self,
        certificate_identifier: LicenseIdentifier,
        use_cause: UseCause,
        basis: ByBasis = None,
        matter: ForMatter = None,
    ) -> LicenseReceipt | None:
        """A fresh receipt of one license; null if there is none that the caller may see."""
        raise NotImplementedError

    @root(
        KeyStart(
            label="Holder",
            key="key",
            argument="holder",
            bind="holder_key",
            where=Expression(cypher=_ASKS_OF_OWN, parameters=("caller_holder", "caller_county")),
        ),
        access="license.access_records",
        personal=True,
    )
    def access_records(self, holder: HolderInput, use_cause: UseCause) -> HolderReads | None:
        """Who looked at a holder's licenses: all of it for the holder, for a county what it sealed; null if none."""
        raise NotImplementedError

    @root(KeyStart(label="Consent", key="id", argument="id"), access="consent.read")
    def consent(self, id: StatementId) -> Consent | None:  # noqa: A002  # the argument's name
        """One consent by its id, for who may read by it and who stated it; null if there is none of theirs."""
        raise NotImplementedError

    @root(
        KeyStart(label="Holder", key="key", argument="holder", bind="holder_key", via=_GRANTED_BY, page=True),
        access="consent.read",
        post_only=True,
    )
    def consents(
        self, holder: HolderInput, first: First = DEFAULT_PAGE, after: After = None
    ) -> Connection[Consent] | None:
        """A holder's consents by id, as far as the caller may see them."""
        raise NotImplementedError

    @root(KeyStart(label="Case", key="caseNumber", argument="caseNumber"), access="case.read", personal=True)
    def case(self, case_number: CaseNumber, use_cause: UseCause) -> Case | None:
        """One case by its number, for its counties; null if there is none that the caller may see."""
        raise NotImplementedError

    @root(
        KeyStart(label="Holder", key="key", argument="holder", bind="holder_key", via=_APPLIED_BY, page=True),
        access="case.own",
        personal=True,
    )
    def cases(
        self, holder: HolderInput, use_cause: UseCause, first: First = DEFAULT_PAGE, after: After = None
    ) -> Connection[Case] | None:
        """The cases that a holder applied for, by number, in all counties; for that holder alone."""
        raise NotImplementedError

    @root(
        KeyStart(label="Jurisdiction", key="code", argument="county", via=_OPEN_AT, page=True), access="objection.read",
        personal=True,
    )  # fmt: skip
    def objections(
        self, county: CatalogueCode, use_cause: UseCause, first: First = DEFAULT_PAGE, after: After = None
    ) -> Connection[Objection] | None:
        """Open objections that a county must answer, oldest first; to other counties, those that they raised."""
        raise NotImplementedError

    @root(
        KeyStart(
            label="Jurisdiction",
            key="code",
            argument="county",
            where=Expression(cypher="{n}.code = $caller_county", parameters=("caller_county",)),
        ),
        access="case.supervise",
        personal=True,
    )
    def escalation(
        self, county: CatalogueCode, use_cause: UseCause, on: EscalationDay = None, after: EscalationPlace = None
    ) -> Escalation | None:
        """The open clocks of the caller's own county that are yellow or red; null for another county."""
        raise NotImplementedError

    @root(
        KeyStart(
            label="Jurisdiction",
            key="code",
            argument="county",
            binds=((("from", "to", "by"), "periods"), (("from", "by"), "earlier")),
        ),
        access="statistics.read",
    )
    def statistics(
        self, county: CatalogueCode, first_day: FirstDay, last_day: LastDay, by: StatisticsPeriod
    ) -> CountyStatistics | None:
        """What a county did for others, and how well, in at most 400 periods; null if there is no such county."""
        raise NotImplementedError

    @root(KeyStart(label="Objection", key="id", argument="id"), access="objection.read", personal=True)
    def objection(self, id: StatementId, use_cause: UseCause) -> Objection | None:  # noqa: A002  # the argument's name
        """One objection by its id, for the county that raised it and the one that must answer; else null."""
        raise NotImplementedError

    @computed(access="public", cost=10, post_only=True)
    async def verify(self, info: Info[Context, Any], receipt: ReceiptText, max_age: MaxAge = DAY) -> VerifyResult:
        """Verify a receipt or a QR code: one verdict with every step. Bad input is a verdict, too."""
        return await verify_receipt(info.context, receipt, max_age)

    @computed(access="case.feed", cost=2)
    async def case_event_feed(self, info: Info[Context, Any]) -> CaseEventFeed | None:
        """Where the feed of events stands: for who is about to follow it."""
        return CaseEventFeed(newest=Cursor(await info.context.events.newest()))

    @computed(access="public", cost=2)
    def checkpoint(self, info: Info[Context, Any]) -> Checkpoint | None:
        """The newest published checkpoint of the ledger; null before the first."""
        published = info.context.registry.published()
        return None if published is None else checkpoint_of(published)

    @root(EntityStart(ENTITIES), access="public", name="_entities")
    def entities(self, representations: list[AnyRepresentation]) -> list[Entity | None]:
        """Nodes of the catalogue that another subgraph names, in the order of the representations; null if absent."""
        raise NotImplementedError

    @computed(access="schema.read", cost=2, name="_service")
    async def service(self, info: Info[Context, Any]) -> Service | None:
        """This subgraph, for whoever composes it into a supergraph; it tells all names, so it needs a token."""
        return Service(sdl=await subgraph_sdl(info.schema))
