"""The main job, told step by step on real parts: the first part of `tongban demo`.

Five counties of three provinces, a hub and a graph engine as separate processes; a feed of 2,000 licenses; a look-up
from another county; a receipt that verifies with the hub switched off; and what happens to it afterwards. Each step
checks what it got; the first that is not exactly what it should be ends the story.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hub.demo.telling import SHOWN, Teller, expect, wait
from hub.ingest.generate import FeedPlan, feed_lines, feed_rows
from hub.ingest.offerings import sample_offerings
from hub.keyfiles import write_private

__all__ = ["CHECKLIST", "FEED_COUNTY", "LICENSES", "LOOK_UP", "PROGRAM", "Story", "sample_feed"]

FEED_COUNTY: Final = "370214"
PROGRAM: Final = Path(sys.executable).with_name("tongban")  # seldom on the path of who is told to type it
_ASKING_COUNTY: Final = "320583"
_MATTER: Final = "002007018000"  # 异地就医结算备案
LICENSES: Final = 2_000

LOOK_UP: Final = """\
query LookUp($holder: HolderInput!, $useCause: UseCause!, $basis: ReadBasis!) {
  licenses(holder: $holder, useCause: $useCause, basis: $basis, first: 20) {
    edges {
      node {
        certificateIdentifier
        logIndex
        status
        type { name }
        issuedBy { name jurisdiction { name } }
        face {
          ... on Face { certificateHolderName certificateNumber source }
          ... on FaceUnavailable { code county }
        }
      }
    }
  }
}
"""

CHECKLIST: Final = """\
query CheckList(
  $matter: CatalogueCode!, $county: CatalogueCode!, $holder: HolderInput!, $useCause: UseCause!, $basis: ReadBasis!
) {
  checklist(matter: $matter, county: $county, holder: $holder, useCause: $useCause, basis: $basis) {
    findings {
      asOf
      complete
      items {
        name
        state
        license { certificateIdentifier sealedBy issuedBy }
        toleratedUntil
      }
    }
  }
}
"""


def sample_feed(count: int, *, seed: int = 1) -> FeedPlan:
    """Plan the demo's feed: licenses of 370214 that are in force today."""
    return FeedPlan(county=FEED_COUNTY, count=count, as_of=datetime.now(UTC).date(), seed=seed)


@dataclass(slots=True)
class Story:
    """The main job, while the alliance runs: what `tongban demo` tells first."""

    teller: Teller

    def tell(self) -> None:
        """Tell it from the start. Raises NotVerified when a step gives anything but what it should."""
        (self.teller.out / "receipts").mkdir(parents=True)
        (self.teller.out / "README.txt").write_text(_NOTES.format(tongban=PROGRAM), encoding="utf-8")
        for name in ("policy", "genesis"):
            (self.teller.out / name).write_bytes((self.teller.alliance.data("hub") / name).read_bytes())
        self._take_in_feed()
        holder, license_ = self._look_up()
        self._check_list(holder)
        receipt = self._present(license_)
        self._verify_offline(receipt)
        self._revoke(license_, receipt)
        self._tamper(receipt)
        self._lose_witnesses(receipt)
        self._leave_notes(holder)

    def _take_in_feed(self) -> None:
        feed = self.teller.alliance.folder / "feed.csv"
        with feed.open("w", encoding="utf-8", newline="") as file:
            file.writelines(feed_lines(sample_feed(LICENSES)))
        report = json.loads(
            self.teller.command(
                "ingest", "feed", str(feed), "--county", FEED_COUNTY, *self.teller.of(FEED_COUNTY), "--json"
            )
        )
        expect("rows sealed", report["sealed"], LICENSES)
        self.teller.say(f"county {FEED_COUNTY} checked and sealed a feed of {LICENSES} licenses")
        with self.teller.alliance.node(FEED_COUNTY) as node:
            wait("every seal is witnessed", lambda: node.status(int(time.time())).stated == LICENSES)
        self.teller.say(
            "every seal is in the ledger, cosigned by counties of at least two of three provinces, receipt checked"
        )

    def _look_up(self) -> tuple[dict[str, str], dict[str, Any]]:
        row = next(feed_rows(sample_feed(1)))
        holder = {"certificateHolderTypeCode": row["CZZTDMLXDM"], "certificateHolderCode": row["CZZTDM"]}
        expected = _identifiers_of(holder)
        basis = self._consented(holder)
        partner = self.teller.partner(_ASKING_COUNTY, "license.read license.face")
        variables = {"holder": holder, "useCause": "食品经营许可新办 (demo)", "basis": basis}
        found: list[dict[str, Any]] = []

        def complete() -> bool:
            data = partner.query(LOOK_UP, variables).get("data") or {}
            page = data.get("licenses") or {"edges": []}  # null while the graph is not ready
            found[:] = [edge["node"] for edge in page["edges"]]
            faces = all("certificateHolderName" in each["face"] for each in found)  # else its node was too slow
            return faces and [each["certificateIdentifier"] for each in found] == expected

        wait("the look-up finds every license of the holder, with its face", complete)
        expect("names on the faces", {tuple(each["face"]["certificateHolderName"]) for each in found}, {(row["CZZT"],)})
        self.teller.say(
            f"a counter system in {_ASKING_COUNTY} looked a holder up: {len(found)} licenses sealed in {FEED_COUNTY}, "
            "faces straight from that county's node"
        )
        refused = partner.query(LOOK_UP, variables | {"basis": {"case": "0" * 43}})["errors"][0]["extensions"]["code"]
        expect("a look-up without consent or case", refused, "no_basis")
        self.teller.say("the holder has consented to it, recorded with the form's digest; without that: no_basis")
        return holder, found[0]

    def _consented(self, holder: dict[str, str]) -> dict[str, str]:
        """Let the holder agree at the counter that two fields are read, and the clerk record it."""
        folder = self.teller.alliance.folder
        named = folder / "holder.json"
        if not named.exists():
            write_private(named, json.dumps(holder).encode())
        (folder / "form.txt").write_text("sample consent form, signed\n", encoding="utf-8")
        fields = ("--field", "certificateHolderName", "--field", "certificateNumber")
        files = ("--holder-file", str(named), "--evidence", str(folder / "form.txt"))
        told = self.teller.command(
            "county", "consent", "grant", *files, *fields, *self.teller.of(_ASKING_COUNTY), "--json"
        )
        return {"consent": json.loads(told)["id"]}

    def _check_list(self, holder: dict[str, str]) -> None:
        count = self.teller.alliance.publish_offerings(int(time.time()))
        self.teller.alliance.await_offerings()
        self.teller.say(f"the counties published {count} offerings, each signed, and stated in the journal")
        partner = self.teller.partner(_ASKING_COUNTY, "license.read")
        variables = {
            "matter": _MATTER,
            "county": _ASKING_COUNTY,
            "holder": holder,
            "useCause": "异地就医结算备案 (demo)",
            "basis": self._consented(holder),
        }
        found: list[tuple[str, str]] = []

        def told() -> bool:
            data = partner.query(CHECKLIST, variables).get("data") or {}
            items = ((data.get("checklist") or {}).get("findings") or {}).get("items", [])
            found[:] = [(each["name"], each["state"]) for each in items]
            return bool(found)

        wait("the checklist is told", told)
        expect("the checklist", found, _expected_checklist(holder))
        held = [name for name, state in found if state == "HELD"]
        self.teller.say(
            f"for 异地就医结算备案 in {_ASKING_COUNTY} the holder need not bring {', '.join(held)}: {len(held)} of"
            f" {len(found)} materials are licenses in force that {FEED_COUNTY} sealed"
        )

    def _present(self, license_: dict[str, Any]) -> Path:
        identifier = str(license_["certificateIdentifier"])
        path = self.teller.present(FEED_COUNTY, identifier, "valid", "--fresh")
        self.teller.say(f"the holder shows two claims of license {identifier[-30:]} and nothing else")
        return path

    def _verify_offline(self, receipt: Path) -> None:
        self.teller.stop_hub()
        verdict = self.teller.verdict(receipt, "VALID")
        expect("claims shown", sorted(set(verdict["claims"]) & {"certificateHolderCode", *SHOWN}), sorted(SHOWN))
        self.teller.say("the hub is switched off; verified offline: VALID 有效")

    def _revoke(self, license_: dict[str, Any], receipt: Path) -> None:
        self.teller.alliance.start("hub", graph=False)
        identifier = str(license_["certificateIdentifier"])
        self.teller.command("county", "revoke", identifier, "--reason", "04", *self.teller.of(FEED_COUNTY))
        partner = self.teller.partner(FEED_COUNTY, "ledger.entries")
        fresh = self.teller.receipt_path("revoked")

        def revoked() -> bool:
            fresh.write_bytes(partner.receipt(license_["logIndex"]))
            return bool(self.teller.judge(fresh)["outcome"] == "REVOKED")

        wait("a fresh receipt says REVOKED", revoked)
        self.teller.verdict(fresh, "REVOKED")
        self.teller.say("the hub is back, the county revoked the license; a fresh receipt: REVOKED 失效")
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 90_000))
        self.teller.verdict(receipt, "STALE", "--at", later)
        self.teller.say("the old receipt, 25 hours later and past its max age: STALE 存疑")

    def _tamper(self, receipt: Path) -> None:
        data = bytearray(receipt.read_bytes())
        place = data.index(b'"sd_jwt":"') + 400  # inside the seal's payload
        data[place] = ord("A") if data[place] != ord("A") else ord("B")
        forged = self.teller.receipt_path("forged")
        forged.write_bytes(data)
        verdict = self.teller.verdict(forged, "FORGED")
        step = next(each for each in verdict["steps"] if each["state"] == "failed")
        self.teller.say(f"one changed byte: FORGED 存疑 at step {step['number']}, {step['name']}")

    def _lose_witnesses(self, receipt: Path) -> None:
        self.teller.alliance.stop("370783")
        identifier = self.teller.seal_one(FEED_COUNTY, next(feed_rows(sample_feed(1, seed=2))))
        fewer = self.teller.present(FEED_COUNTY, identifier, "one-witness-missing")
        self.teller.verdict(fewer, "VALID")
        self.teller.alliance.start("370783")
        self.teller.say("one witness is missing: a new seal still gets its quorum, VALID 有效")
        alone = self.teller.receipt_path("unwitnessed")
        alone.write_bytes(_without_witnesses(receipt.read_bytes(), ("32", "37")))
        self.teller.verdict(alone, "UNWITNESSED")
        self.teller.say("the cosignatures of two provinces are missing: UNWITNESSED 存疑")

    def _leave_notes(self, holder: dict[str, str]) -> None:
        out = self.teller.out
        variables = {"holder": holder, "useCause": "demo", "basis": {"consent": "as `county consent grant` tells it"}}
        (out / "licenses.graphql").write_text(LOOK_UP, encoding="utf-8")
        (out / "licenses.variables.json").write_text(json.dumps(variables, indent=2) + "\n", encoding="utf-8")
        self.teller.say(f"left policy, genesis, receipts and a query in {out}/; see README.txt there")


def _identifiers_of(holder: dict[str, str]) -> list[str]:
    rows = feed_rows(sample_feed(LICENSES))
    return sorted(row["ZZBS"] for row in rows if row["CZZTDM"] == holder["certificateHolderCode"])


def _expected_checklist(holder: dict[str, str]) -> list[tuple[str, str]]:
    """Work out from the feed and the sample data what the checklist must say."""
    rows = [row for row in feed_rows(sample_feed(LICENSES)) if row["CZZTDM"] == holder["certificateHolderCode"]]
    types = {row["ZZLXDM"] for row in rows}
    claims: Any = next(each for each in sample_offerings(_ASKING_COUNTY, "2026-01-01") if each["matter"] == _MATTER)
    states = [
        "HELD" if types & set(each["certificateTypeCodes"]) else ("TOLERATED" if each["toleranceDays"] else "MISSING")
        for each in claims["materials"]
    ]
    return [(each["name"], state) for each, state in zip(claims["materials"], states, strict=True)]


def _without_witnesses(receipt: bytes, provinces: tuple[str, ...]) -> bytes:
    """Cut the cosignature lines of the witnesses of some provinces out of a receipt."""
    document = json.loads(receipt)
    lines = document["proof"].split("\n")
    cut = tuple(f"— {province}" for province in provinces)
    document["proof"] = "\n".join(line for line in lines if not line.startswith(cut))
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


_NOTES: Final = """\
What the demo left, and what to try in this folder (no network is needed).
Here `tongban` is {tongban}:

  tongban verify receipts/valid.lic-receipt --policy policy --genesis genesis
  tongban verify receipts/revoked.lic-receipt --policy policy --genesis genesis
  tongban verify receipts/forged.lic-receipt --policy policy --genesis genesis
  tongban verify receipts/unwitnessed.lic-receipt --policy policy --genesis genesis
  tongban verify receipts/valid.lic-receipt --policy policy --genesis genesis --max-age 60s

Open a receipt in an editor and change one character: no verdict will be VALID again.
`make serve` runs the same alliance; licenses.graphql with licenses.variables.json is the query of the demo: put the id
in that `tongban county consent grant` gives.
The 2,000 licenses are made up, and so are all counties but 370214 (a sample, see the data files).
"""
