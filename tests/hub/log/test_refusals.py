"""Refusals as a hub hears them: only what a county signed about this very checkpoint is kept, and told once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx2
import pytest
from structlog.testing import capture_logs

from hub.log.cosigning import Cosigning
from hub.log.refusals import Refusals
from ledger.encoding import b64u_encode
from ledger.errors import NotVerified
from ledger.refusal import Refusal, sign_refusal
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.policy import Policy
from ledger.transparency.sequencer import Pending
from tests.audits import GENESIS_STATE, LOG_KEY
from tests.entropy import signer_of
from tests.small_log import COUNTIES, LOG, ORIGIN, T0
from tests.witnesses import Witnesses

CHECKPOINT: Final = Checkpoint(origin=ORIGIN, size=9, root=bytes(32))
PENDING: Final = Pending(checkpoint=CHECKPOINT, note=sign_checkpoint(CHECKPOINT, ORIGIN, LOG))
REFUSAL: Final = Refusal(origin=ORIGIN, size=9, root=bytes(32), code="bad_head", iat=T0, index=8)


def signed(refusal: Refusal, county: str = "370214") -> bytes:
    return sign_refusal(refusal, kid=f"{county}#1", signer=COUNTIES[county])


@pytest.fixture
def refusals(tmp_path: Path) -> Iterator[Refusals]:
    made = Refusals(tmp_path / "refusals.sqlite", lambda: GENESIS_STATE)
    yield made
    made.close()


def test_a_refusal_is_kept_and_logged_once(refusals: Refusals) -> None:
    with capture_logs() as lines:
        for _ in range(2):
            assert refusals.take(signed(REFUSAL), CHECKPOINT).county == "370214"
        refusals.take(signed(REFUSAL, "320583"), CHECKPOINT)
    warned = [(line["event"], line["log_level"], line["county"], line["code"], line["index"]) for line in lines]
    assert warned == [("checkpoint_refused", "warning", county, "bad_head", 8) for county in ("370214", "320583")]
    assert [each.county for each in refusals.recent(9)] == ["320583", "370214"]
    assert [each.county for each in refusals.recent(1)] == ["320583"]


def test_a_refusal_is_told_with_all_that_it_says(refusals: Refusals) -> None:
    hidden = replace(REFUSAL, code="deposit_left_out", index=1, leaf=bytes(32))
    heard = refusals.take(signed(hidden), CHECKPOINT)
    assert heard.to_json() == {
        "county": "370214", "code": "deposit_left_out", "size": 9, "index": 1, "leaf": b64u_encode(bytes(32)),
        "iat": T0, "jws": signed(hidden).decode(),
    }  # fmt: skip
    assert str(heard) == "370214 refused it: deposit_left_out at 1"


@pytest.mark.parametrize(
    "jws",
    [
        signed(replace(REFUSAL, size=8)),
        signed(replace(REFUSAL, root=bytes([1]) * 32)),
        signed(replace(REFUSAL, origin="other.example/ledger")),
        sign_refusal(REFUSAL, kid="370214#1", signer=signer_of("stranger")),
    ],
)
def test_what_is_not_signed_about_this_checkpoint_is_not_kept(refusals: Refusals, jws: bytes) -> None:
    with pytest.raises(NotVerified):
        refusals.take(jws, CHECKPOINT)
    assert refusals.recent(9) == []


@pytest.mark.parametrize("body", [signed(REFUSAL), b"no JWS", signed(replace(REFUSAL, size=8))])
async def test_a_round_goes_on_whatever_a_refusal_holds(refusals: Refusals, body: bytes) -> None:
    """It counts for what it is: no cosignature. A good one stands in the reason, any other is nothing."""
    witnesses = Witnesses(1, LOG_KEY, now=T0)
    headers = {"Content-Type": "application/jose"}
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(422, content=body, headers=headers))

    async def prove(_old: int, _size: int) -> list[bytes]:
        return []

    async with httpx2.AsyncClient(transport=transport) as http:
        policy = Policy.parse(witnesses.policy(1))
        cosigning = Cosigning(policy, http, prove=prove, clock=lambda: T0, refusals=refusals)
        with pytest.raises(NotVerified, match="no_quorum"):
            await cosigning.gather(PENDING, lambda _size, _cosignature: None)
    good = body == signed(REFUSAL)
    assert len(refusals.recent(9)) == good
    told = "; 370214 refused it: bad_head at 8" if good else ""
    assert cosigning.reason("why") == f"1 more cosignature needed: g has 0 of 1 (without w0){told}"
