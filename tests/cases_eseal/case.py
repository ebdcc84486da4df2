"""A bypass case for e-seals: a seal that some verifier would take for good, and what ours has to say about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.eseal.certificates import Certificate
from ledger.verdict import Outcome
from tests.eseals import DOCUMENT, NOW, ROOT

__all__ = ["SHARED", "Case"]

ROOTS: Final = ROOT.pem()
SHARED: Final = {"document.pdf": DOCUMENT, "roots.pem": ROOTS}
"""Files of all cases, beside their folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Why it is dangerous, the seal, and the expected outcome, code and failing step.

    document: None where the attestation's JWT is the document. trusted: certificates beside the small world's root.
    crl: list of revocation, DER. receipt: of the attestation that goes with the seal, under the small log.
    """

    name: str
    why: str
    eseal: bytes
    step: int
    code: str
    outcome: Outcome = Outcome.FORGED
    document: bytes | None = DOCUMENT
    now: int = NOW
    license_id: str | None = None
    trusted: Sequence[Certificate] = ()
    crl: bytes | None = None
    receipt: bytes | None = None
    authorities: Sequence[str] = ()

    def files(self) -> dict[str, bytes]:
        """Make the files of the case's folder; document and roots only where they are not those of all cases."""
        expected: dict[str, Any] = {"why": self.why, "outcome": self.outcome, "step": self.step, "code": self.code}
        expected |= {"now": self.now}
        expected |= {} if self.license_id is None else {"license": self.license_id}
        expected |= {"authorities": list(self.authorities)} if self.authorities else {}
        expected |= {"document": "the attestation's JWT"} if self.document is None else {}
        text = json.dumps(expected, ensure_ascii=False, indent=1) + "\n"
        optional = {"document.pdf": self.document, "revocations.crl": self.crl, "receipt.lic-receipt": self.receipt}
        optional["roots.pem"] = ROOTS + b"".join(each.pem() for each in self.trusted)
        given = {name: data for name, data in optional.items() if data is not None and data != SHARED.get(name)}
        return {"case.json": text.encode(), "license.eseal": self.eseal, **given}
