"""What is for good is asked at a terminal, and done only when the county's code is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.county.member import MemberFile
from hub.county.outbox import Settled
from hub.governance.founding import draft_genesis
from tests.alliance import NOW, identifier_of, license_of
from tests.county_folder import CountyFolder
from tests.terminal import typed

ONE, TWO = str(identifier_of(1)), str(identifier_of(2))


@pytest.fixture
def folder(tmp_path: Path) -> CountyFolder:
    """Give a folder with two sealed licenses, logged at 5 and 6."""
    made = CountyFolder.make(tmp_path)
    with made.opened() as node:
        node.seal_many([license_of(1), license_of(2)], NOW)
        items = [node.outbox.of(identifier)[0] for identifier in (ONE, TWO)]
        node.outbox.settle(
            [Settled(item=item, state="logged", log_index=5 + place) for place, item in enumerate(items)]
        )
    return made


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        (("revoke", ONE), f"revoke {ONE} for good"),
        (("supersede", ONE, TWO), f"let {TWO} take the place of {ONE} for good"),
        (("erase", ONE), f"erase the face of {ONE} for good, here, and not in the hub's vault"),
        (("erase", ONE, "--vault"), f"erase the face of {ONE} for good, here and in the hub's vault"),
    ],
)
def test_nothing_is_done_that_was_not_confirmed(
    folder: CountyFolder, arguments: tuple[str, ...], question: str
) -> None:
    result = typed("yes", "county", *arguments, *folder.options)
    assert (result.code, result.err) == (4, "tongban: forbidden: not confirmed: nothing was done\n")
    assert result.out == f"type 370214 to {question}: "
    with folder.opened() as node:
        assert len(node.outbox.of(ONE)) == 1
        assert node.records.face(ONE) is not None


def test_what_was_confirmed_is_done(folder: CountyFolder) -> None:
    assert typed("370214", "county", "revoke", ONE, *folder.options).code == 0
    assert typed("", "county", "erase", ONE, *folder.options, "--yes").code == 0
    with folder.opened() as node:
        assert len(node.outbox.of(ONE)) == 2
        assert node.records.face(ONE) is None


def test_a_genesis_is_signed_after_a_look_at_it(folder: CountyFolder, tmp_path: Path) -> None:
    draft, output = tmp_path / "genesis.draft", tmp_path / "genesis.sig"
    member = MemberFile.parse((folder.data / "member.json").read_bytes())
    draft.write_text(draft_genesis([member], origin="hub.example/ledger", k=1, iat=NOW))
    command = ("county", "sign", draft, *folder.options, "--output", output)
    refused = typed("yes", *command)
    assert (refused.code, output.exists()) == (4, False)
    assert refused.out.startswith("county 370214 is a member\n")
    assert refused.out.endswith("type 370214 to sign this: ")
    assert (typed("370214", *command).code, output.exists()) == (0, True)
