"""What the ledger withstands, told step by step on real parts: the second half of `tongban demo`.

A county whose seals are of another suite; a key that is rotated by k of n members; a hub that hides a revocation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.demo import FEED_COUNTY, sample_feed
from hub.ingest.generate import FeedPlan, feed_rows
from hub.telling import Teller, expect

__all__ = ["AUDITORS", "SUITES", "Trial"]

AUDITORS: Final = frozenset({"320583", "370214"})
"""Counties of the demo that run an auditor. Without both of them two of three provinces cannot be had."""

SUITES: Final = {"370783": "SM2"}
"""Counties of the demo whose seals are not Ed25519."""

_SM2_COUNTY: Final = "370783"
_MEMBERS: Final = ("320412", "320583", "370214")  # 3 of 5 sign a change
_OLD_KEY: Final = f"{FEED_COUNTY}#2"
_NEW_KEY: Final = f"{FEED_COUNTY}#5"


@dataclass(slots=True)
class Trial:
    """The second half, while the alliance runs."""

    teller: Teller

    def tell(self) -> None:
        """Tell it. Raises NotVerified when a step gives anything but what it should."""
        self._seal_by_sm2()
        self._rotate_key()

    def _seal_by_sm2(self) -> None:
        plan = FeedPlan(county=_SM2_COUNTY, count=1, as_of=sample_feed(1).as_of, seed=1)
        identifier = self.teller.seal_one(_SM2_COUNTY, next(feed_rows(plan)))
        receipt = self.teller.present(_SM2_COUNTY, identifier, "sm2")
        self.teller.verdict(receipt, "VALID")
        self.teller.say(f"county {_SM2_COUNTY} seals by SM2 with SM3; anyone else's verifier says: VALID 有效")

    def _rotate_key(self) -> None:
        before = self.teller.receipt_path("one-witness-missing")
        self.teller.command("county", "rotate", "--use", "seal", *self.teller.of(FEED_COUNTY))
        folder = self.teller.alliance.data(FEED_COUNTY)
        self._agree("member", "--add-key", str(folder / "seal-5.json"), "--revoke", _OLD_KEY)
        identifier = self.teller.seal_one(FEED_COUNTY, next(feed_rows(sample_feed(1, seed=3))))
        after = self.teller.present(FEED_COUNTY, identifier, "rotated-key")
        for receipt, key in ((before, _OLD_KEY), (after, _NEW_KEY)):
            issuer = next(step for step in self.teller.verdict(receipt, "VALID")["steps"] if step["name"] == "issuer")
            expect(f"key of {receipt.name}", issuer["detail"], f"signed by {key}")
        self.teller.say(
            f"three of five members replaced a key: {_NEW_KEY} seals now, what {_OLD_KEY} sealed stays VALID"
        )

    def _agree(self, what: str, *wishes: str) -> None:
        """Let k of n members change the alliance: propose, sign, submit, by the command line."""
        folder = self.teller.alliance.folder
        draft, data = folder / f"{what}.draft", ("--data", str(self.teller.alliance.data(FEED_COUNTY)))
        self.teller.command("ledger", what, "propose", *wishes, "--output", str(draft), *data)
        signatures = [option for county in _MEMBERS for option in ("--signature", str(self._signed(what, county)))]
        self.teller.command("ledger", what, "submit", str(draft), *signatures, *data)

    def _signed(self, what: str, county: str) -> str:
        folder = self.teller.alliance.folder
        output = str(folder / f"{what}-{county}.sig")
        draft = str(folder / f"{what}.draft")
        self.teller.command("ledger", what, "sign", draft, "--yes", "--output", output, *self.teller.of(county))
        return output
