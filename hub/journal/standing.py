"""Standing statements: what counties state beside licenses, offerings and case steps, all taken by one rule.

    consent/<id>  ->  consent/<id>/revoked        a name, and the name that it follows
    hotline/<id>  of a case                       for the counties of that case alone

A name is stated once, like a license's identifier, which has no `/`. What a statement follows must stand in the journal
before it, and may be any name there: a license's identifier too. One that is tied to a case comes from a county of that
case: to all others the case looks absent. A new kind is a record that is a `Standing`, a row in
`hub.journal.records.READERS`, and a row in `hub.graph.statements.WRITERS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from ledger.errors import Conflict, Refused

if TYPE_CHECKING:
    from ledger.casework import Case
    from ledger.jws import Jws

__all__ = ["NOT_STATED", "JournalView", "Standing", "Stated", "judge"]

NOT_STATED: Final = "it follows a statement that the journal does not have"
"""The message of Conflict wrong_target: of a license, the same for one that is not there and for one that is another
county's or holder's, so that nobody finds out by trying which licenses there are, and whose."""


class Stated(Protocol):
    """What any county's statement has: its form read, its signature not yet verified. iat: POSIX seconds."""

    @property
    def jws(self) -> Jws:
        """The signed record."""
        ...

    @property
    def iss(self) -> str:
        """Member id of the county that states it."""
        ...

    @property
    def iat(self) -> int:
        """When, by that county's clock."""
        ...

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        ...


class Standing(Stated, Protocol):
    """A standing statement. `after` and `within` are pure: they are asked again when the journal is replayed."""

    @property
    def states(self) -> str:
        """The name it takes, and no other record may: `<kind>/…`."""
        ...

    @property
    def follows(self) -> str | None:
        """The name that must have been stated before, or None."""
        ...

    @property
    def case(self) -> str | None:
        """The number of the case that it is tied to, or None."""
        ...

    def after(self, earlier: Stated) -> None:
        """Judge it by the record that has the name it follows. Raises Conflict, Refused."""
        ...

    def within(self, case: Case) -> None:
        """Judge it by its case, of which its county is one. Raises Conflict, Refused."""
        ...


class JournalView(Protocol):
    """What stands in the journal before a record."""

    def stated(self, name: str) -> Stated | None:
        """Give the statement that has a name."""
        ...

    def case(self, number: str) -> Case | None:
        """Give a case after its newest step."""
        ...


def judge(record: Standing, view: JournalView) -> None:
    """Judge a statement by what stands before it; whether its name is free is the store's to say.

    Raises Refused not_party (by no county of its case, in the same words as for a case that is not there); Conflict
    wrong_target (what it follows is not there), iat_too_old (dated before what it follows); and what the record does.
    """
    if record.case is not None:
        case = view.case(record.case)
        if case is None or record.iss not in case.counties:
            raise Refused("not_party", "the county is no party of a case with this number")
        record.within(case)
    if record.follows is not None:
        earlier = view.stated(record.follows)
        if earlier is None:
            raise Conflict("wrong_target", NOT_STATED)
        record.after(earlier)
        if record.iat < earlier.iat:
            raise Conflict("iat_too_old", "it is dated before the statement that it follows")
