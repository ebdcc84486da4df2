"""What the ledger withstands, told step by step on real parts: the last part of `tongban demo`.

A county whose seals are of another suite; a key that is rotated by k of n members; a hub that hides a revocation.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import httpx2

from hub.demo.story import FEED_COUNTY, sample_feed
from hub.demo.telling import Teller, expect, wait
from hub.ingest.generate import FeedPlan, feed_rows
from ledger.errors import NotVerified

__all__ = ["AUDITORS", "SUITES", "Trial"]

AUDITORS: Final = frozenset({"320583", "370214"})
"""Counties of the demo that run an auditor. Without both of them two of three provinces cannot be had."""

SUITES: Final = {"370783": "SM2"}
"""Counties of the demo whose seals are not Ed25519."""

_SM2_COUNTY: Final = "370783"
_MEMBERS: Final = ("320412", "320583", "370214")  # 3 of 5 sign a change
_OTHER_COUNTY: Final = "320412"
_DEPOSIT_S: Final = 5  # the alliance agrees on it for the demo; the rule is 300 s before that
_OLD_KEY: Final = f"{FEED_COUNTY}#2"
_NEW_KEY: Final = f"{FEED_COUNTY}#5"


@dataclass(slots=True)
class Trial:
    """The last part, while the alliance runs."""

    teller: Teller

    def tell(self) -> None:
        """Tell it. Raises NotVerified when a step gives anything but what it should."""
        self._seal_by_sm2()
        self._rotate_key()
        self._hide_revocation()

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

    def _hide_revocation(self) -> None:
        self._agree("rule", "--set", f"deposit_s={_DEPOSIT_S}")
        identifier, index = self._sealed_here()
        self._restart_hub("hub.demo.dishonest", "--hide", str(index))
        self.teller.command("county", "revoke", identifier, "--reason", "07", *self.teller.of(FEED_COUNTY))
        receipt = self.teller.present(FEED_COUNTY, identifier, "hidden", "--fresh")
        self.teller.verdict(receipt, "VALID")
        self.teller.say(
            "the hub's operator hides a revocation: the county revokes a license, and its receipt still says VALID"
        )
        self.teller.command("county", "appeal", identifier, *self.teller.of(FEED_COUNTY))
        self.teller.say(
            f"the county deposits the revocation with the auditors: the hub has {_DEPOSIT_S} seconds to log it"
        )
        refusals = self._lost_quorum(index)
        self.teller.say(f"it does not, and loses its quorum: {'; '.join(refusals)}")
        self.teller.verdict(receipt, "STALE", "--max-age", "1s")
        self.teller.say("all that it can still show grows old: STALE 存疑, past the verifier's max age")
        self._restart_hub("hub", "serve")
        wait("an honest hub has the revocation witnessed", lambda: self._outcome(identifier) == "REVOKED")
        self.teller.say("an honest hub takes over the same log: the revocation is witnessed, REVOKED 失效")

    def _sealed_here(self) -> tuple[str, int]:
        identifier = self.teller.seal_one(FEED_COUNTY, next(feed_rows(sample_feed(1, seed=4))))
        with self.teller.alliance.node(FEED_COUNTY) as node:
            index = node.outbox.of(identifier)[0].log_index
        if index is None:
            raise NotVerified("unexpected", "the license is witnessed and has no index")
        return identifier, index

    def _restart_hub(self, *program: str) -> None:
        self.teller.stop_hub()
        self.teller.alliance.hub_program = program
        self.teller.alliance.start("hub", graph=False)

    def _lost_quorum(self, index: int) -> list[str]:
        """Let the rule's time pass and something be logged; give what the auditors say at `/readyz`."""
        time.sleep(_DEPOSIT_S + 1)  # what is waited for is that time passes
        plan = FeedPlan(county=_OTHER_COUNTY, count=1, as_of=sample_feed(1).as_of, seed=5)
        self.teller.seal(_OTHER_COUNTY, next(feed_rows(plan)))
        refusals: dict[str, tuple[str, int]] = {}

        def refused() -> bool:
            state = httpx2.get(f"{self.teller.alliance.url('hub')}/readyz", trust_env=False).json()
            heard = state["quorum"].get("refusals", ())
            refusals.update({each["county"]: (each["code"], each["index"]) for each in heard})
            return refusals.keys() == AUDITORS and "witnesses" in state["missing"]

        wait("both auditors refuse", refused)
        expect("the reason", set(refusals.values()), {("deposit_left_out", index)})
        return [f"{county} refused it: {code} of entry {place}" for county, (code, place) in sorted(refusals.items())]

    def _outcome(self, identifier: str) -> str:
        receipt = self.teller.present(FEED_COUNTY, identifier, "no-longer-hidden", "--fresh", "--force")
        return str(self.teller.judge(receipt)["outcome"])

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
