"""`tongban county present`: a receipt is written only if it holds under the folder's own policy."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.county.member import MemberFile
from hub.county.outbox import Settled
from hub.governance.founding import draft_genesis, draft_policy
from ledger.jws import join_general
from ledger.transparency.note import COSIGNATURE_ED25519, NOTE_ED25519, VerifierKey
from tests.alliance import identifier_of, license_of
from tests.command_line import Result, tongban
from tests.county_folder import CountyFolder
from tests.entropy import signer_of
from tests.logbook import Cosigner, LogBook
from tests.servers import serving
from tests.small_log import LOG, ORIGIN

ONE: Final = str(identifier_of(1))
OTHER: Final = Cosigner("other.example/witness", signer_of("other witness"))
TOKEN: Final = {"access_token": "token"}


class Holder:
    """A county with one logged license, its policy and genesis, and the receipts that its hub has."""

    def __init__(self, path: Path, hub_url: str = "http://127.0.0.1:9") -> None:
        self.folder, self.output, self.now = CountyFolder.make(path, hub_url=hub_url), path / "a", int(time.time())
        member = MemberFile.parse((self.folder.data / "member.json").read_bytes())
        key = VerifierKey.of(ORIGIN, NOTE_ED25519, LOG)
        policy = draft_policy([member], log=key, url=f"{hub_url}/ledger", provinces_needed=1)
        payload = draft_genesis([member], origin=ORIGIN, k=1, iat=self.now - 600)
        with self.folder.opened() as node:
            genesis = join_general(payload, [node.sign_genesis(payload)])
            self.witness = Cosigner(node.witness_name, node.keys.witness)
            self.book = LogBook(genesis, LOG)
            node.seal(license_of(1), self.now - 300)
            (item,) = node.outbox.of(ONE)
            index = self.book.add(item.entry)
            self.book.close()
            node.outbox.settle([Settled(item=item, state="logged", log_index=index)])
            self.sd_jwt = node.attestation(ONE)
            node.outbox.settle([Settled(item=item, state="logged", evidence=self.receipt(self.witness))])
        for name, data in (("genesis", genesis), ("policy", policy)):
            (self.folder.data / name).write_bytes(data)

    def receipt(self, *cosigners: Cosigner) -> bytes:
        """Make a receipt that these have witnessed, and that shows nothing."""
        note = self.book.checkpoint([(each, self.now - 200) for each in cosigners])
        return self.book.receipt(1, self.sd_jwt, note, names=[])

    def require_another(self) -> None:
        """Let the folder's policy ask for one cosigner more."""
        path = self.folder.data / "policy"
        text, vkey = path.read_text("utf-8"), VerifierKey.of(OTHER.name, COSIGNATURE_ED25519, OTHER.signer).vkey()
        rules, _, old = text.rpartition("quorum ")
        path.write_text(f"{rules}witness other {vkey}\ngroup both all {old.strip()} other\nquorum both\n", "utf-8")

    def present(self, *options: str) -> Result:
        show = ("--show", "certificateTypeName", "--output", self.output)
        return tongban("county", "present", ONE, *show, *self.folder.options, *options)

    def verify(self) -> Result:
        data = self.folder.data
        return tongban("verify", self.output, "--policy", data / "policy", "--genesis", data / "genesis")


def hub_of(receipts: list[bytes]) -> Starlette:
    """Make a hub that answers with these receipts, one after the other."""

    async def token(_request: Request) -> Response:
        return JSONResponse(TOKEN)

    async def receipt(_request: Request) -> Response:
        return Response(receipts.pop(0))

    return Starlette(
        routes=[Route("/oauth/token", token, methods=["POST"]), Route("/ledger/receipt/1", receipt, methods=["GET"])]
    )


def test_a_receipt_that_a_new_policy_has_felled_is_not_written(tmp_path: Path) -> None:
    holder = Holder(tmp_path)
    assert (holder.present().code, holder.verify().code) == (0, 0)
    holder.output.unlink()
    holder.require_another()
    refused = holder.present()
    assert (refused.code, refused.out, refused.err.split(":")[1]) == (1, "", " no_quorum")
    assert refused.err.endswith("; the policy asks for others than when it was made: use --fresh\n")
    assert not holder.output.exists()


async def test_a_fresh_receipt_is_judged_by_the_new_policy_too(tmp_path: Path) -> None:
    receipts: list[bytes] = []
    async with serving(hub_of(receipts)) as url:
        holder = await asyncio.to_thread(Holder, tmp_path, url)
        holder.require_another()
        receipts += [holder.receipt(holder.witness), holder.receipt(holder.witness, OTHER)]
        refused = await asyncio.to_thread(holder.present, "--fresh")
        assert (refused.code, refused.err.split(":")[1], holder.output.exists()) == (1, " no_quorum", False)
        assert "--fresh" not in refused.err
        assert (await asyncio.to_thread(holder.present, "--fresh")).code == 0
    assert holder.verify().out.split()[0] == "VALID"
