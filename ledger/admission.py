"""Whether an entry may enter the log at an index: one function for the hub at submission and the auditor at replay.

Order of the checks: size -> *known leaf: its index, and stop* -> form, base64, JSON -> header -> payload members ->
kid known, active, with the right use -> signatures -> *known statement: its index, and stop* -> `iat` window -> rules
of the type. So a repeated submission is answered whatever the time, and nobody learns from the answer to a forged entry
what the log holds.

The caller looks up the leaf and reads the entry (`ledger.entries.parse_entry`); check_entry does all the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from ledger.closed import county_of
from ledger.entries import Entry, Head, MemberChange, RuleChange, Seal, StatusChange
from ledger.errors import Conflict, Refused
from ledger.members import KeyState, verify_signatures
from ledger.status import Status

__all__ = [
    "ANY_TIME",
    "CLOCK_MARGIN_S",
    "Known",
    "LogView",
    "Target",
    "Window",
    "check_entry",
    "check_iat",
    "check_rules",
    "latest_iat",
]

CLOCK_MARGIN_S: Final = 60
"""How much less far ahead the log admits an `iat` than its auditors do.

Each judges by its own clock. What the log took at the very edge, an auditor whose clock lags would refuse, and with it
every checkpoint until its clock has come so far: one entry could hold up everybody's.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """By which clock entries are dated: POSIX seconds.

    now: None for a later replay of old entries, which have no window any more. since: from when on an entry may have
    come; None: `now`. margin: CLOCK_MARGIN_S where the log admits, 0 where is checked what it has admitted.
    """

    now: int | None
    since: int | None = None
    margin: int = 0


ANY_TIME: Final = Window(now=None)
"""The window of entries that were judged by their dates before, or that a quorum has confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The log holds this statement at `index`."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A seal that a status entry speaks of: its leaf hash (32 bytes), issuing county and status now."""

    leaf: bytes
    iss: str
    status: Status


class LogView(Protocol):
    """What the checks ask of the log, the earlier entries of the same batch included."""

    def index_of_statement(self, statement: bytes, /) -> int | None:
        """Return the index of the entry with this statement hash."""
        ...

    def seal_at(self, index: int, /) -> Target | None:
        """Return the seal at an index; None if there is no entry, or one of another type."""
        ...


def check_entry(
    entry: Entry,
    *,
    state: KeyState,
    view: LogView,
    index: int,
    window: Window,
    rules: KeyState | None = None,
    verified: bool = False,
) -> Known | None:
    """Check an entry for log index `index`; Known if the log holds its statement already, else None: it may enter.

    state: keys before the entry. rules: the key state that the last head before it binds, whose rules are in force;
    `state` if not given. verified: the signatures were checked for this state and index before, in a thread.

    Raises NotVerified (verify_signatures), Conflict iat_too_old, iat_in_future, wrong_target, final_status,
    same_status, stale_prev, kid_used, Refused not_issuer.
    """
    if isinstance(entry, Head):
        raise Refused("not_issuer", "status heads are written by the log alone")
    if not verified:
        verify_signatures(entry, state, index)
    known = view.index_of_statement(entry.statement)
    if known is not None:
        return Known(index=known)
    check_iat(entry, state=state, rules=rules or state, window=window)
    check_rules(entry, state=state, view=view, index=index)
    return None


def check_iat(
    entry: Seal | StatusChange | MemberChange | RuleChange, *, state: KeyState, rules: KeyState, window: Window
) -> None:
    """Check since - iat_back_s <= iat <= now + iat_ahead_s - margin, and iat >= `from` of each key.

    Raises Conflict iat_too_old, iat_in_future.
    """
    now = window.now
    if now is not None and entry.iat > (latest := latest_iat(rules, now, window.margin)):
        raise Conflict(
            "iat_in_future", f"iat is {entry.iat - now} s ahead of the clock here, at most {latest - now} s are taken"
        )
    oldest = max(state.listed_key(signature.kid).valid_from for signature in entry.signatures)
    if now is not None:
        oldest = max(oldest, (now if window.since is None else window.since) - rules.rule("iat_back_s"))
    if entry.iat < oldest:
        raise Conflict("iat_too_old", "iat is too long ago, or before the key's time: sign the entry again")


def latest_iat(rules: KeyState, now: int, margin: int = 0) -> int:
    """Give the latest `iat` that is taken at `now`: `iat_ahead_s` less a margin later, and never before it."""
    return now + max(0, rules.rule("iat_ahead_s") - margin)


def check_rules(
    entry: Seal | StatusChange | MemberChange | RuleChange, *, state: KeyState, view: LogView, index: int
) -> None:
    """Check the rules of the entry's type against the present state.

    Raises Conflict wrong_target, final_status, same_status, stale_prev, kid_used, Refused not_issuer.
    """
    match entry:
        case StatusChange():
            _check_status(entry, state, view)
        case MemberChange() | RuleChange():
            state.apply(entry, index)
        case Seal():
            pass  # any number of seals of one license may stand: which one counts is said by status entries


def _check_status(entry: StatusChange, state: KeyState, view: LogView) -> None:
    target = view.seal_at(entry.of)
    if target is None or target.leaf != entry.target:
        raise Conflict("wrong_target", f"there is no such seal at index {entry.of}")
    signer = county_of(entry.signatures[0].kid)
    if not state.may_change(signer, target.iss):
        raise Refused("not_issuer", f"{signer} neither issued the seal nor supervises its issuer")
    if entry.by is not None and (entry.by == entry.of or view.seal_at(entry.by) is None):
        raise Conflict("wrong_target", f"there is no superseding seal at index {entry.by}")
    if target.status in {Status.REVOKED, Status.SUPERSEDED}:
        raise Conflict("final_status", f"the seal is {target.status.name} for good")
    if entry.to == target.status:
        raise Conflict("same_status", f"the seal is {target.status.name} already")
