"""The main job, told step by step on real parts: `tongban demo`.

Five counties of three provinces, a hub and a graph engine as separate processes; a feed of 2,000 licenses; a look-up
from another county; a receipt that verifies with the hub switched off; and what happens to it afterwards. Each step
checks what it got; the first that is not exactly what it should be ends the story.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from hub.alliance import Alliance
from hub.ingest.generate import FeedPlan, feed_lines, feed_rows
from hub.partner import Partner, access_token
from ledger.errors import NotVerified

__all__ = ["FEED_COUNTY", "LICENSES", "LOOK_UP", "Story", "sample_feed"]

FEED_COUNTY: Final = "370214"
_ASKING_COUNTY: Final = "320583"
LICENSES: Final = 2_000
_SHOWN: Final = ("certificateTypeName", "certificateHolderName")
_WAIT_S: Final = 60.0
_OPTIONS: Final = ("--policy", "policy", "--genesis", "genesis")

LOOK_UP: Final = """\
query LookUp($holder: HolderInput!, $useCause: UseCause!) {
  licenses(holder: $holder, useCause: $useCause, first: 20) {
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


def sample_feed(count: int, *, seed: int = 1) -> FeedPlan:
    """Plan the demo's feed: licenses of 370214 that are in force today."""
    return FeedPlan(county=FEED_COUNTY, count=count, as_of=datetime.now(UTC).date(), seed=seed)


@dataclass(slots=True)
class Story:
    """One telling. out: folder for what it leaves behind. The alliance lives in a folder of its own, thrown away."""

    alliance: Alliance
    out: Path
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    began: float = field(default_factory=time.monotonic)

    def tell(self) -> None:
        """Tell it from the start. Raises NotVerified when a step gives anything but what it should."""
        (self.out / "receipts").mkdir(parents=True)
        (self.out / "README.txt").write_text(_NOTES, encoding="utf-8")
        for name in ("policy", "genesis"):
            (self.out / name).write_bytes((self.alliance.data("hub") / name).read_bytes())
        with self.alliance.running(graph=False):
            self.say("started a hub, its graph engine and five county nodes of three provinces, each a process")
            self._take_in_feed()
            holder, license_ = self._look_up()
            receipt = self._present(license_)
            self._verify_offline(receipt)
            self._revoke(license_, receipt)
            self._tamper(receipt)
            self._lose_witnesses(receipt)
        self._leave_notes(holder)

    def say(self, text: str) -> None:
        """Print one step with the time since the start."""
        self.console.print(f"{time.monotonic() - self.began:6.1f} s  {text}", markup=False)

    def _take_in_feed(self) -> None:
        feed = self.alliance.folder / "feed.csv"
        with feed.open("w", encoding="utf-8", newline="") as file:
            file.writelines(feed_lines(sample_feed(LICENSES)))
        report = json.loads(
            self._command("ingest", str(feed), "--county", FEED_COUNTY, *self._of(FEED_COUNTY), "--json")
        )
        _expect("rows sealed", report["sealed"], LICENSES)
        self.say(f"county {FEED_COUNTY} checked and sealed a feed of {LICENSES} licenses")
        with self.alliance.node(FEED_COUNTY) as node:
            _wait("every seal is witnessed", lambda: node.status(int(time.time())).stated == LICENSES)
        self.say(
            "every seal is in the ledger, cosigned by counties of at least two of three provinces, receipt checked"
        )

    def _look_up(self) -> tuple[dict[str, str], dict[str, Any]]:
        row = next(feed_rows(sample_feed(1)))
        holder = {"certificateHolderTypeCode": row["CZZTDMLXDM"], "certificateHolderCode": row["CZZTDM"]}
        expected = _identifiers_of(holder)
        partner = self._partner(_ASKING_COUNTY, "license.read license.face")
        variables = {"holder": holder, "useCause": "食品经营许可新办 (demo)"}
        found: list[dict[str, Any]] = []

        def complete() -> bool:
            data = partner.query(LOOK_UP, variables).get("data") or {}
            page = data.get("licenses") or {"edges": []}  # null while the graph is not ready
            found[:] = [edge["node"] for edge in page["edges"]]
            return [each["certificateIdentifier"] for each in found] == expected

        _wait("the look-up finds every license of the holder", complete)
        _expect(
            "names on the faces", {tuple(each["face"]["certificateHolderName"]) for each in found}, {(row["CZZT"],)}
        )
        self.say(
            f"a counter system in {_ASKING_COUNTY} looked a holder up: {len(found)} licenses sealed in {FEED_COUNTY}, "
            "faces straight from that county's node"
        )
        return holder, found[0]

    def _present(self, license_: dict[str, Any]) -> Path:
        path = self.out / "receipts" / "valid.lic-receipt"
        identifier = str(license_["certificateIdentifier"])
        self._command(
            "county", "present", identifier, "--show", ",".join(_SHOWN), "--fresh", "--output", str(path),
            *self._of(FEED_COUNTY),
        )  # fmt: skip
        self.say(f"the holder shows two claims of license {identifier[-30:]} and nothing else")
        return path

    def _verify_offline(self, receipt: Path) -> None:
        self.alliance.stop("hub")
        verdict = self._verdict(receipt, "VALID")
        _expect("claims shown", sorted(set(verdict["claims"]) & {"certificateHolderCode", *_SHOWN}), sorted(_SHOWN))
        self.say("the hub is switched off; verified offline: VALID 有效")

    def _revoke(self, license_: dict[str, Any], receipt: Path) -> None:
        self.alliance.start("hub", graph=False)
        identifier = str(license_["certificateIdentifier"])
        self._command("county", "revoke", identifier, "--reason", "04", *self._of(FEED_COUNTY))
        partner = self._partner(FEED_COUNTY, "ledger.entries")
        fresh = self.out / "receipts" / "revoked.lic-receipt"

        def revoked() -> bool:
            fresh.write_bytes(partner.receipt(license_["logIndex"]))
            return bool(self._judge(fresh)["outcome"] == "REVOKED")

        _wait("a fresh receipt says REVOKED", revoked)
        self._verdict(fresh, "REVOKED")
        self.say("the hub is back, the county revoked the license; a fresh receipt: REVOKED 失效")
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 90_000))
        self._verdict(receipt, "STALE", "--at", later)
        self.say("the old receipt, 25 hours later and past its max age: STALE 存疑")

    def _tamper(self, receipt: Path) -> None:
        data = bytearray(receipt.read_bytes())
        place = data.index(b'"sd_jwt":"') + 400  # inside the seal's payload
        data[place] = ord("A") if data[place] != ord("A") else ord("B")
        forged = self.out / "receipts" / "forged.lic-receipt"
        forged.write_bytes(data)
        verdict = self._verdict(forged, "FORGED")
        step = next(each for each in verdict["steps"] if each["state"] == "failed")
        self.say(f"one changed byte: FORGED 存疑 at step {step['number']}, {step['name']}")

    def _lose_witnesses(self, receipt: Path) -> None:
        self.alliance.stop("370783")
        row = next(feed_rows(sample_feed(1, seed=2)))
        file = self.alliance.folder / "one.ndjson"
        file.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
        self._command("county", "seal", str(file), *self._of(FEED_COUNTY))
        with self.alliance.node(FEED_COUNTY) as node:
            _wait(
                "the new seal is witnessed", lambda: node.status(int(time.time())).stated == LICENSES + 2
            )  # feed, revocation, this
            fewer = self.out / "receipts" / "one-witness-missing.lic-receipt"
            fewer.write_bytes(node.present(row["ZZBS"], _SHOWN))
        self._verdict(fewer, "VALID")
        self.say("one witness is missing: a new seal still gets its quorum, VALID 有效")
        alone = self.out / "receipts" / "unwitnessed.lic-receipt"
        alone.write_bytes(_without_witnesses(receipt.read_bytes(), ("32", "37")))
        self._verdict(alone, "UNWITNESSED")
        self.say("the cosignatures of two provinces are missing: UNWITNESSED 存疑")

    def _leave_notes(self, holder: dict[str, str]) -> None:
        (self.out / "licenses.graphql").write_text(LOOK_UP, encoding="utf-8")
        variables = {"holder": holder, "useCause": "demo"}
        (self.out / "licenses.variables.json").write_text(json.dumps(variables, indent=2) + "\n", encoding="utf-8")
        self.say(f"left policy, genesis, receipts and a query in {self.out}/; see README.txt there")

    def _partner(self, county: str, scope: str) -> Partner:
        with self.alliance.node(county) as node:
            return Partner(self.alliance.url("hub"), access_token(node, scope))

    def _of(self, county: str) -> tuple[str, ...]:
        data, secret = self.alliance.data(county), self.alliance.passphrase_file(county)
        return ("--data", str(data), "--passphrase-file", str(secret))

    def _verdict(self, receipt: Path, expected: str, *options: str) -> dict[str, Any]:
        verdict = self._judge(receipt, *options)
        _expect(f"verdict on {receipt.name}", verdict["outcome"], expected)
        return verdict

    def _judge(self, receipt: Path, *options: str) -> dict[str, Any]:
        trusted = ("--policy", str(self.out / "policy"), "--genesis", str(self.out / "genesis"))
        text = self._command("verify", str(receipt), *trusted, "--json", *options, codes=(0, 1))
        verdict: dict[str, Any] = json.loads(text)
        return verdict

    def _command(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(  # noqa: S603  # our own command line
            [sys.executable, "-m", "hub", *arguments], capture_output=True, text=True, check=False, timeout=_WAIT_S
        )
        if done.returncode not in codes:
            _expect(f"exit code of tongban {' '.join(arguments[:2])}: {done.stderr[-500:]}", done.returncode, codes[0])
        return done.stdout


def _identifiers_of(holder: dict[str, str]) -> list[str]:
    rows = feed_rows(sample_feed(LICENSES))
    return sorted(row["ZZBS"] for row in rows if row["CZZTDM"] == holder["certificateHolderCode"])


def _without_witnesses(receipt: bytes, provinces: tuple[str, ...]) -> bytes:
    """Cut the cosignature lines of the witnesses of some provinces out of a receipt."""
    document = json.loads(receipt)
    lines = document["proof"].split("\n")
    cut = tuple(f"— {province}" for province in provinces)
    document["proof"] = "\n".join(line for line in lines if not line.startswith(cut))
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise NotVerified("unexpected", f"{what}: expected {expected}, got {got}")


def _wait(what: str, done: Callable[[], bool]) -> None:
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        if done():
            return
        time.sleep(0.1)
    _expect(what, "not within a minute", "in time")


_NOTES: Final = """\
What the demo left, and what to try (no network is needed):

  tongban verify receipts/valid.lic-receipt --policy policy --genesis genesis
  tongban verify receipts/revoked.lic-receipt --policy policy --genesis genesis
  tongban verify receipts/forged.lic-receipt --policy policy --genesis genesis
  tongban verify receipts/unwitnessed.lic-receipt --policy policy --genesis genesis
  tongban verify receipts/valid.lic-receipt --policy policy --genesis genesis --max-age 60s

Open a receipt in an editor and change one character: no verdict will be VALID again.
`make serve` runs the same alliance; licenses.graphql with licenses.variables.json is the query of the demo.
The 2,000 licenses are made up, and so are all counties but 370214 (a sample, see the data files).
"""
