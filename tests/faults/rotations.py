"""Fault F13: a seal key is rotated, and the old one revoked, while seals by both flow through the hub.

What must hold: every seal is judged by the key state at its own index; a seal by the revoked key is refused from the
revocation's index on; nothing that was acknowledged is lost, and what was sealed before stays good.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from hub.log.registry import LedgerRegistry
from ledger.entries import MEMBER_TYP
from ledger.governance import KeyAddition, KeyRevocation, MemberRow, member_payload
from ledger.jws import sign_general
from ledger.signers import Signer
from ledger.verdict import Outcome
from schema.context import Submission
from tests.entropy import signer_of
from tests.faults.account import FaultCount
from tests.faults.crashes import counted
from tests.faults.parts import Finding
from tests.faults.small_hub import FOR_EVER, SmallHub, seal_by
from tests.small_log import COUNTIES, T0

__all__ = ["rotations"]

_NOW: Final = T0 + 3600
_OLD, _NEW = "370214#6", "370214#7"  # #1 of the small log governs, too
_KEYS: Final[dict[str, Signer]] = {_OLD: signer_of("the old key"), _NEW: signer_of("the rotated key")}
_FLOWS: Final = 3


@dataclass(slots=True)
class _Flow:
    """What was sealed: kid and answer, by bytes. added, revoked: index of the member entries. iat: no two are alike."""

    chance: Random
    sealed: dict[bytes, tuple[str, Submission]] = field(default_factory=dict)
    added: int | None = None
    revoked: int | None = None
    ended: bool = False
    iat: count[int] = field(default_factory=lambda: count(T0 + 60))

    def seals(self, kid: str) -> list[bytes]:
        """Seal a few."""
        return [seal_by(kid, _KEYS[kid], next(self.iat)) for _ in range(self.chance.randint(1, 6))]

    def taken(self, kid: str) -> int:
        """Count the seals by a key that were taken so far."""
        return sum(by == kid and each.index is not None for by, each in self.sealed.values())

    async def go_on(self, flows: Sequence[asyncio.Task[None]], until: Callable[[], bool]) -> None:
        """Let the flows seal for a moment, and for as long as it takes until something has happened."""
        await asyncio.sleep(self.chance.uniform(0.02, 0.1))
        while not (until() or any(each.done() for each in flows)):  # noqa: ASYNC110  # an answer sets no event
            await asyncio.sleep(0.005)

    async def run(self, registry: LedgerRegistry) -> None:
        """Seal with one key or the other until told to end; what must be taken, or refused, by then, is."""
        while not self.ended:
            kid, added, revoked = self.chance.choice([_OLD, _NEW]), self.added, self.revoked
            raws = self.seals(kid)
            answers = await registry.submit(raws, wait=False)
            self.sealed.update(zip(raws, ((kid, each) for each in answers), strict=True))
            if kid == _NEW and added is not None:
                assert all(each.code is None for each in answers), answers
            if kid == _OLD and revoked is not None:
                assert {each.code for each in answers} == {"key_not_active"}, answers
            await asyncio.sleep(0)


def rotations(rounds: int, seed: int) -> FaultCount:
    """Run F13."""
    ways = [(f"seed {number}", lambda number=number: _round(number)) for number in range(seed, seed + rounds)]
    return counted(FaultCount(row="F13", fault="key rotated, key revoked", seed=seed), ways)


def _round(seed: int) -> Finding:
    flow = _Flow(Random(seed))
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        hub = SmallHub.make(Path(name), lambda: _NOW)
        asyncio.run(_work(hub, flow))
        entries, _ = hub.checked()
    taken = {raw: (kid, each) for raw, (kid, each) in flow.sealed.items() if each.index is not None}
    assert {kid for kid, _ in taken.values()} == {_OLD, _NEW}
    for kid, each in taken.values():
        _check_place(flow, kid, each)
    lost = sum(entries[each.index or 0] != raw for raw, (_, each) in taken.items())
    return Finding(
        acknowledged=len(taken), stored=len(taken) - lost, lost=lost, twice=len(entries) - len(set(entries))
    )  # fmt: skip


def _check_place(flow: _Flow, kid: str, each: Submission) -> None:
    """I1 by the key state at the index: the new key only after its addition, the old one only before its end."""
    assert each.index is not None
    assert flow.added is not None
    assert flow.revoked is not None
    if kid == _NEW:
        assert each.index > flow.added
    else:
        assert each.index < flow.revoked


async def _work(hub: SmallHub, flow: _Flow) -> None:
    async with hub.running() as registry:
        await _change(registry, _added(_OLD))
        flows = [asyncio.create_task(flow.run(registry)) for _ in range(_FLOWS)]
        try:
            await flow.go_on(flows, lambda: flow.taken(_OLD) > 0)
            flow.added = await _change(registry, _added(_NEW))
            await flow.go_on(flows, lambda: flow.taken(_NEW) > 0)
            flow.revoked = await _change(registry, MemberRow(county="370214", revoke=(KeyRevocation(kid=_OLD),)))
            await flow.go_on(flows, lambda: True)
        finally:
            flow.ended = True
            await asyncio.gather(*flows)
        await _all_again(hub, registry, flow)


def _added(kid: str) -> MemberRow:
    key = KeyAddition(kid=kid, public_key=_KEYS[kid].public_key, uses=("seal",), valid_from=T0)
    return MemberRow(county="370214", keys=(key,))


async def _change(registry: LedgerRegistry, row: MemberRow) -> int:
    """Submit a member entry, signed by both counties; another change meanwhile would make it stale."""
    payload = member_payload(iat=_NOW, k=2, members=[row], prev=registry.keys.digest())
    raw = sign_general(MEMBER_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()])
    (answer,) = await registry.submit([raw], wait=False)
    assert answer.index is not None, answer
    return answer.index


async def _all_again(hub: SmallHub, registry: LedgerRegistry, flow: _Flow) -> None:
    """What was taken is found again, with a receipt that is good; what was refused to the old key stays refused."""
    raws = list(flow.sealed)
    for start in range(0, len(raws), 500):
        part = raws[start : start + 500]
        answers = await registry.submit(part, wait=True)
        for raw, answer in zip(part, answers, strict=True):
            kid, known = flow.sealed[raw]
            if known.index is not None:
                assert (answer.index, answer.state) == (known.index, "witnessed")
            elif kid == _OLD:
                assert answer.code == "key_not_active", answer
    _check_receipts(hub, flow.chance, [answer for answer in answers if answer.receipt is not None])


def _check_receipts(hub: SmallHub, chance: Random, answers: Sequence[Submission]) -> None:
    for answer in chance.sample(list(answers), min(len(answers), 20)):
        verdict = hub.verifier.verify(answer.receipt or b"", now=FOR_EVER, max_age=FOR_EVER)
        assert verdict.outcome is Outcome.VALID, verdict
