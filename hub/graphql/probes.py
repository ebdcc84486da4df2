"""The guard against learning about people by asking often: how many of them one client may ask about, and miss.

Whoever names a consent or a case asks about the one holder whom it is of: such a read counts only as a miss, and only
when there is no such basis, so that nobody tries ids. All other reads of a person's records count, by the client's key
(a holder's token: by its holder, and the holders by the client's key):

    asked    different holders, licenses or cases within an hour; one that was asked about before costs nothing more
    misses   a bucket that empties by one for each read that finds nothing, or names no basis of the client's county and
             this holder, and fills again over an hour; while it is empty, no basis is judged either. Reads that
             are under way when it runs out count, too: it fills from below nothing, so haste gains nothing

Both are decided from what this client asked before, never from what is there: a refusal says the same of a holder who
exists and of one who does not. Source: ISO/IEC 27559 (linkage and inference), RFC 6585, 4 (429).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Final

from ledger.errors import Refused

if TYPE_CHECKING:
    from schema.access import Principal
    from schema.context import Clock

__all__ = ["CallerProbes"]

_HOUR_S: Final = 3600
_CALLERS: Final = 4096
_SIGNED_IN: Final = 10  # times as many holders may a county's portal sign in as a client may ask about


@dataclass(slots=True)
class _Caller:
    """One client's last hour. asked: subject -> when first asked about, oldest first. left: misses, at `time`.

    left is negative where more reads were under way than misses left.
    """

    left: float
    time: int
    asked: OrderedDict[str, int] = field(default_factory=OrderedDict)


class CallerProbes:
    """The state of all clients, in memory: at most 4,096, the one that asked least recently gives way.

    Holders' tokens, of which a client can have many, have a memory of their own: they push no client out of the other.
    asked, misses: per client and hour, from 1 on. Not thread-safe: used on the event loop alone.
    """

    def __init__(self, *, asked: int, misses: int, clock: Clock) -> None:
        self._asked: Final = asked
        self._misses: Final = misses
        self._clock: Final = clock
        self._clients: Final[OrderedDict[str, _Caller]] = OrderedDict()
        self._holders: Final[OrderedDict[str, _Caller]] = OrderedDict()

    async def admit(self, principal: Principal, subject: str | None) -> None:
        """Let a client ask about one subject; None: about the holder of the basis that it names.

        Raises Refused too_many_asked, too_many_misses, with the seconds after which it may ask again.
        """
        if None not in {principal.holder, subject}:
            signed_in = self._of(self._clients, f"{principal.client} *")
            self._admit(signed_in, principal.holder, self._asked * _SIGNED_IN)
        self._admit(self._caller(principal), subject, self._asked)

    def _admit(self, caller: _Caller, subject: str | None, most: int) -> None:
        now = caller.time
        if caller.left < 1:
            wait = ceil((1 - caller.left) * _HOUR_S / self._misses)
            raise Refused("too_many_misses", "too many reads found nothing: come back later", retry_after=wait)
        while caller.asked and next(iter(caller.asked.values())) <= now - _HOUR_S:
            caller.asked.popitem(last=False)
        if subject is None or subject in caller.asked:
            return
        if len(caller.asked) >= most:
            wait = next(iter(caller.asked.values())) + _HOUR_S - now
            told = "too many different people or licenses were asked about: come back later, or name a basis"
            raise Refused("too_many_asked", told, retry_after=wait)
        caller.asked[subject] = now

    async def missed(self, principal: Principal) -> None:
        """Count a read that found nothing, or whose basis is none."""
        self._caller(principal).left -= 1

    def _caller(self, principal: Principal) -> _Caller:
        if principal.holder is None:
            return self._of(self._clients, str(principal.client))
        return self._of(self._holders, f"{principal.client} {principal.holder}")

    def _of(self, callers: OrderedDict[str, _Caller], name: str) -> _Caller:
        now = self._clock()
        caller = callers.get(name)
        if caller is None:
            caller = callers[name] = _Caller(left=float(self._misses), time=now)
            if len(callers) > _CALLERS:
                callers.popitem(last=False)
            return caller
        callers.move_to_end(name)
        if now != caller.time:
            passed = max(0, now - caller.time)  # a clock that is set back gives nothing, and takes nothing
            caller.left = min(float(self._misses), caller.left + passed * self._misses / _HOUR_S)
            caller.time = now
        return caller
