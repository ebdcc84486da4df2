"""Presentations that show what the county did not seal, or that another person took over."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from ledger.attestation import issue, present
from ledger.encoding import b64u_encode, canonical_json
from ledger.holder_binding import bind_holder
from ledger.jws import compact_jws
from tests.cases.case import Case, edited, receipt
from tests.cases.seals import HEADER, PAYLOAD, receipt_of
from tests.entropy import signer_of
from tests.small_log import CLAIMS, COUNTIES, SEALED, T0, VCT, vector_random

__all__ = ["cases"]

JWT, *DISCLOSURES = SEALED.split("~")[:-1]
CHALLENGE: Final = {"aud": "320583 counter 7", "nonce": "n-0S6_WzA2Mj"}
NOW: Final = T0 + 150


def _disclosure(*array: object) -> str:
    return b64u_encode(canonical_json(list(array)))


def _shown(name: str, why: str, code: str, *disclosures: str, end: str = "") -> Case:
    text = "~".join([JWT, *disclosures, end])
    return Case(name=name, why=why, receipt=edited(lambda d: d.update(sd_jwt=text)), step=9, code=code)


def cases() -> Iterator[Case]:
    """Make the cases of steps 9 and 10."""
    salt, one = "5zkzn-wM8n0cxiFn1X1r6g", DISCLOSURES[0]
    yield _shown("claim_made_up", "A claim that was never sealed.", "bad_disclosure", _disclosure(salt, "area", "120"))
    other = _disclosure(salt, "certificateTypeName", "食品经营许可证")
    yield _shown("claim_changed", "Another license type under the salt of the true one.", "bad_disclosure", other)
    yield _shown("hidden_claim_guessed", "A value for the name of a claim that is not shown.", "bad_disclosure", one,
                 _disclosure(salt, "certificateHolderName", "某某食品店"))  # fmt: skip
    yield _shown("disclosure_twice", "One claim shown twice.", "bad_disclosure", one, one)
    yield _shown(
        "issuer_shadowed", "A claim named as the issuer.", "bad_disclosure_form", _disclosure(salt, "iss", "320583")
    )
    yield _shown(
        "expiry_shadowed",
        "A claim named as the end of validity.",
        "bad_disclosure_form",
        _disclosure(salt, "exp", 2**40),
    )
    yield _shown("status_shadowed", "A claim named status.", "bad_disclosure_form", _disclosure(salt, "status", 0))
    yield _shown(
        "nested_digests", "A value with digests of its own.", "bad_disclosure_form", _disclosure(salt, "a", {"_sd": []})
    )
    yield _shown(
        "two_elements", "The form of an array element's disclosure.", "bad_disclosure_form", _disclosure(salt, "a")
    )
    yield _shown("salt_as_number", "A salt that is no text.", "bad_disclosure_form", _disclosure(1, "a", "b"))
    yield _shown("disclosure_with_padding", "Another text for the same disclosure.", "bad_base64", one + "=")
    yield _shown("bytes_after_the_last_tilde", "Something after the end.", "bad_disclosure_form", one, end="x")
    yield _shown("no_tilde_at_the_end", "A disclosure in the place of the key binding.", "bad_disclosure_form", end=one)
    yield Case(name="no_tilde_at_all", why="The bare seal is no presentation.", step=9, code="bad_disclosure_form",
               receipt=edited(lambda d: d.update(sd_jwt=JWT)))  # fmt: skip
    yield from _names()
    yield from _holders()


def _names() -> Iterator[Case]:
    """The county sealed one name twice: the holder would choose which value is shown."""
    area = [_disclosure(f"{'A' * 21}{letter}", "area", value) for letter, value in (("A", "120"), ("Q", "999"))]
    digests = [b64u_encode(sha256(text.encode()).digest()) for text in (*area, *DISCLOSURES[:2])]
    entry = compact_jws(HEADER, {**PAYLOAD, "_sd": sorted(digests)}, COUNTIES["370214"])
    yield Case(name="claim_of_one_name_twice", why="Two sealed values under one name, both shown.", step=9,
               code="bad_disclosure", receipt=receipt_of(entry, shown="~".join([*area, ""])))  # fmt: skip


def _holders() -> Iterator[Case]:
    holder, thief = signer_of("holder"), signer_of("thief")
    sealed = issue(CLAIMS, kid="370214#1", vct=VCT, iss="370214", iat=T0 + 60, cnf=holder.public_key,
                   signer=COUNTIES["370214"], random=vector_random())  # fmt: skip
    entry = sealed.partition("~")[0].encode()
    shown = present(sealed, ["certificateTypeName"])

    def case(name: str, why: str, presentation: str) -> Case:
        bound = receipt_of(entry, shown=presentation.partition("~")[2])
        return Case(name=name, why=why, receipt=bound, step=10, code="holder_binding", holder=CHALLENGE)

    def bind(text: str = shown, *, signer: object = holder, **changes: int | str) -> str:
        arguments = {**CHALLENGE, "iat": NOW, **changes}
        return bind_holder(text, signer=signer, **arguments)  # type: ignore[arg-type]

    yield Case(name="holder_not_bindable", why="The seal names no holder's key.", receipt=receipt, step=10,
               code="holder_binding", holder=CHALLENGE)  # fmt: skip
    yield case("holder_not_bound", "A stolen presentation.", shown)
    yield case("holder_is_another", "Bound by a key that the county did not confirm.", bind(signer=thief))
    yield case("holder_bound_for_another", "A presentation made for another verifier.", bind(aud="bank"))
    yield case("holder_binding_replayed", "A presentation made for another nonce.", bind(nonce="yesterday"))
    yield case("holder_binding_old", "A presentation made too long ago.", bind(iat=NOW - 301))
    yield case("holder_binding_ahead", "A presentation from the future.", bind(iat=NOW + 301))
    kept = bind().rpartition("~")[2]
    yield case("holder_bound_other_claims", "A claim added to a bound presentation.", present(sealed, CLAIMS) + kept)
