"""Verification in GraphQL: the verifier's verdict with every step and the clerk's word; bad input is a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.encoding import b64_encode
from ledger.errors import NotVerified, Unavailable
from ledger.verdict import STEPS, Outcome, StepState
from schema import verification
from tests.answers import ask, data_of
from tests.ports import FakeVerifier, request_context, verdict

QUERY = """query($receipt: String!, $maxAge: Int! = 86400) { verify(receipt: $receipt, maxAge: $maxAge) {
  ... on Problem { code kind }
  ... on Verdict { outcome clerk clerkText code message time age index claims notes steps { number name state detail } } } }"""


async def _verify(verifier: Any, receipt: str = "{}", **variables: Any) -> Any:
    return data_of(await ask(QUERY, request_context(verify=verifier), receipt=receipt, **variables))["verify"]


async def test_a_verdict_is_given_whole() -> None:
    claims = {"iss": "370214", "certificateName": "营业执照"}
    found = await _verify(FakeVerifier(verdict(claims=claims, notes=("document_policy",))))
    steps = [{"number": n, "name": name, "state": "PASSED", "detail": "found"} for n, name in enumerate(STEPS, 1)]
    assert found == {
        "outcome": "VALID",
        "clerk": "VALID_WORD",
        "clerkText": "有效",
        "code": "valid",
        "message": "all steps passed",
        "time": "2026-06-01T08:59:00.000Z",
        "age": 60,
        "index": 7,
        "claims": claims,
        "notes": ["document_policy"],
        "steps": steps,
    }


@pytest.mark.parametrize(
    ("outcome", "word", "text"),
    [
        (Outcome.VALID, "VALID_WORD", "有效"),
        (Outcome.REVOKED, "INVALID_WORD", "失效"),
        (Outcome.SUSPENDED, "INVALID_WORD", "失效"),
        (Outcome.SUPERSEDED, "INVALID_WORD", "失效"),
        (Outcome.EXPIRED, "INVALID_WORD", "失效"),
        (Outcome.STALE, "DOUBTFUL_WORD", "存疑"),
        (Outcome.UNWITNESSED, "DOUBTFUL_WORD", "存疑"),
        (Outcome.FORGED, "DOUBTFUL_WORD", "存疑"),
    ],
)
async def test_each_outcome_has_its_word_for_the_clerk(outcome: Outcome, word: str, text: str) -> None:
    found = await _verify(FakeVerifier(verdict(outcome)))
    assert (found["outcome"], found["clerk"], found["clerkText"]) == (outcome.value, word, text)


async def test_what_is_not_known_is_null_and_a_time_ahead_has_age_0() -> None:
    found = await _verify(FakeVerifier(verdict(Outcome.FORGED, time=None, age=None, index=None)))
    assert (found["time"], found["age"], found["index"], found["claims"]) == (None, None, None, {})
    assert (await _verify(FakeVerifier(verdict(age=-5))))["age"] == 0


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"v":1}', b'{"v":1}'),
        ("LIC1:BB8", b"LIC1:BB8"),
        (b64_encode(b'{"v":1}'), b'{"v":1}'),
        ("neither JSON nor base64", b"neither JSON nor base64"),
        ("", b""),
        ("\ud800", b"?"),
    ],
)
async def test_json_goes_on_as_it_is_and_base64_decoded_and_the_rest_as_it_came(text: str, data: bytes) -> None:
    verifier = FakeVerifier()
    await _verify(verifier, text, maxAge=3600)
    assert verifier.calls == [(data, 3600)]


async def test_a_day_is_the_default_age() -> None:
    verifier = FakeVerifier()
    await ask('{ verify(receipt: "{}") { __typename } }', request_context(verify=verifier))
    assert verifier.calls == [(b"{}", 86_400)]


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"receipt": "{" + "a" * 700_000}, "too_large"),
        ({"maxAge": -1}, "bad_number"),
        ({"maxAge": 400_000_000}, "bad_number"),
    ],
)
async def test_what_is_out_of_bounds_is_a_problem_and_reaches_no_verifier(variables: Any, code: str) -> None:
    verifier = FakeVerifier()
    assert await _verify(verifier, **variables) == {"code": code, "kind": "MALFORMED"}
    assert verifier.calls == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [(Unavailable("not_ready", "no policy yet"), "UNAVAILABLE"), (NotVerified("corrupt_store", "x"), "NOT_VERIFIED")],
)
async def test_a_hub_without_policy_or_genesis_says_so(error: Exception, kind: str) -> None:
    def verifier(_receipt: bytes, _max_age: int) -> Any:
        raise error

    assert (await _verify(verifier))["kind"] == kind


def test_the_enums_are_those_of_the_ledger() -> None:
    assert [outcome.value for outcome in verification.VerdictOutcome] == [outcome.value for outcome in Outcome]
    assert [state.name for state in verification.StepState] == [state.name for state in StepState]
