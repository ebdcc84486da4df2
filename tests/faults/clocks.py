"""Fault F9: the hub's clock steps by an hour or ten years, forth and back, between two batches and within one.

What must hold: no checkpoint has a time before that of its predecessor; what a wrong clock refuses is refused by code
and taken when the clock is right again; every receipt is good; a token is judged by the same clock that issued it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from hub.auth import Authenticator, TokenIssuer
from hub.log.registry import LedgerRegistry
from hub.tokens import LEEWAY_S
from ledger.errors import Refused
from ledger.members import KeyState, ListedKey
from ledger.verdict import Outcome
from schema.context import Submission
from tests.entropy import seeded, signer_of
from tests.faults.account import FaultCount
from tests.faults.crashes import counted
from tests.faults.parts import Finding
from tests.faults.small_hub import FOR_EVER, SmallHub, seal_by
from tests.small_log import COUNTIES, ORIGIN, T0

__all__ = ["clock_steps"]

_STEPS: Final = (0, -1, -3600, 3600, -315_360_000, 315_360_000)  # seconds: an hour, ten years
_CLIENT: Final = "370214#3"
_BATCHES: Final = 5
_BY_CLOCK: Final = {"iat_too_old", "iat_in_future"}


@dataclass(slots=True)
class _Clock:
    """The hub's clock: the true time and a step; `restless`: another step at every look."""

    chance: Random
    time: int = T0 + 3600
    step: int = 0
    restless: bool = False

    def __call__(self) -> int:
        if self.restless:
            self.step = self.chance.choice(_STEPS)
        return self.time + self.step


def clock_steps(rounds: int, seed: int) -> FaultCount:
    """Run F9."""
    ways = [(f"seed {number}", lambda number=number: _round(number)) for number in range(seed, seed + rounds)]
    return counted(FaultCount(row="F9", fault="clock steps", seed=seed), ways)


def _round(seed: int) -> Finding:
    clock = _Clock(Random(seed))
    _check_tokens(clock)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        hub = SmallHub.make(Path(name), clock)
        told = asyncio.run(_work(hub, clock))
        entries, times = hub.checked()
    assert times == sorted(times), "a checkpoint has a time before its predecessor's"
    assert hub.times == sorted(hub.times), "what is served went back in time"
    for each in told.values():
        verdict = hub.verifier.verify(each.receipt or b"", now=FOR_EVER, max_age=FOR_EVER)
        assert verdict.outcome is Outcome.VALID, verdict
    lost = sum(entries[each.index or 0] != raw for raw, each in told.items())
    return Finding(acknowledged=len(told), stored=len(told) - lost, lost=lost, twice=len(entries) - len(set(entries)))


async def _work(hub: SmallHub, clock: _Clock) -> dict[bytes, Submission]:
    """Submit under changing clocks, then everything again under the right one; give the last answers."""
    sent: dict[bytes, int | None] = {}
    signer = COUNTIES["370214"]
    async with hub.running() as registry:
        for _ in range(_BATCHES):
            clock.step, clock.restless = clock.chance.choice(_STEPS), clock.chance.random() < 0.3
            clock.time = hub.witnesses.now = clock.time + 5
            raws = [seal_by("370214#1", signer, clock.time - number) for number in range(clock.chance.randint(1, 4))]
            sent.update(dict.fromkeys(raws))
            sent.update(zip(raws, _indexes(await registry.submit(raws, wait=False)), strict=True))
            await asyncio.sleep(clock.chance.uniform(0.0, 0.2))
        clock.step, clock.restless = 0, False
        return await _all_again(registry, sent)


async def _all_again(registry: LedgerRegistry, sent: dict[bytes, int | None]) -> dict[bytes, Submission]:
    """With the clock right nothing is refused any more, and what was told before is told again."""
    answers = await registry.submit(list(sent), wait=True)
    assert {each.state for each in answers} == {"witnessed"}, answers
    for known, each in zip(sent.values(), answers, strict=True):
        assert known in {None, each.index}
    return dict(zip(sent, answers, strict=True))


def _indexes(answers: Sequence[Submission]) -> list[int | None]:
    assert {each.code for each in answers} <= {None, *_BY_CLOCK}, answers
    return [each.index for each in answers]


def _check_tokens(clock: _Clock) -> None:
    """A token is good from its issue to its end by the clock that issued it, wherever that clock stands."""
    state = _client_state()
    issuer = TokenIssuer(signer_of("hub token"), issuer="https://hub.example", random=seeded("jti"))
    token = f"Bearer {issuer.access_token(_CLIENT, frozenset({'license.read'}), clock())}"
    issued = clock()
    for step in _STEPS:
        judge = Authenticator(issuer, lambda: state)
        clock.step = step
        good = -LEEWAY_S <= clock() - issued < issuer.lifetime_s
        try:
            assert judge.principal_of(token, clock()).county == "370214"
            assert good, f"a token of another time is taken, {step} s later"
        except Refused:
            assert not good, f"a token is refused, {step} s later"
    clock.step = 0


def _client_state() -> KeyState:
    key = ListedKey(
        kid=_CLIENT, public_key=signer_of("client").public_key, uses=("client",), valid_from=0, added=0
    )  # fmt: skip
    return KeyState(
        origin=ORIGIN, genesis_leaf=bytes(32), k=1, keys={_CLIENT: key}, auditors={}, witnesses={}
    )  # fmt: skip
