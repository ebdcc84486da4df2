"""Founding a ledger: the ceremony end to end, and everything that stops it before a file is made."""

from __future__ import annotations

import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from hub.county import MemberFile, init_county, open_county
from hub.database import open_reader
from hub.governance.founding import draft_genesis, draft_policy, found_ledger, log_key, make_hub_keys, open_hub_keys
from ledger.entries import MemberChange, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.members import KeyState
from ledger.transparency.note import VerifierKey
from ledger.transparency.policy import Policy
from ledger.transparency.sequencer import Sequencer
from ledger.transparency.sqlite import SqliteStore
from tests.entropy import seeded

ORIGIN: Final = "hub.example/ledger"
URL: Final = "https://hub.example/ledger"
COUNTIES: Final = ("320412", "320583", "330603", "370214", "370783", "371082")
NOW: Final = 1_780_304_400
PASSPHRASE: Final = b"correct horse"
HOLDER: Final = seeded("holder key")(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """What stands on the table when the hub is about to create the ledger."""

    hub: Path
    log: VerifierKey
    members: tuple[MemberFile, ...]
    payload: str
    signatures: dict[str, tuple[str, str]]
    policy: bytes

    def found(self, **changed: Any) -> bytes:
        """Create the ledger."""
        given = {
            "payload": self.payload,
            "signatures": self.signatures,
            "policy": self.policy,
            "passphrase": PASSPHRASE,
        }
        return found_ledger(self.hub, **{**given, **changed})


def sign(folder: Path, county: str, payload: str) -> tuple[str, str]:
    """Let a county sign, as `tongban county sign` does."""
    with closing(open_county(folder / county, PASSPHRASE, random=seeded("node"))) as node:
        return node.sign_genesis(payload)


def make_member(folder: Path, county: str) -> MemberFile:
    """Make a county's keys."""
    return init_county(
        folder / county,
        county=county,
        name="示例县",
        domain="tongban.example",
        listen_url=f"https://{county}.example",
        hub_url="https://hub.example",
        passphrase=PASSPHRASE,
        holder_key=HOLDER,
        random=seeded(f"init {county}"),
        now=NOW,
    )


@pytest.fixture
def ceremony(tmp_path: Path) -> Ceremony:
    """Prepare a founding by six counties of three provinces."""
    log = make_hub_keys(tmp_path / "hub", origin=ORIGIN, passphrase=PASSPHRASE, holder=HOLDER, random=seeded("hub"))
    members = tuple(make_member(tmp_path, county) for county in COUNTIES)
    payload = draft_genesis(members, origin=ORIGIN, k=4, iat=NOW)
    return Ceremony(
        hub=tmp_path / "hub",
        log=log,
        members=members,
        payload=payload,
        signatures={county: sign(tmp_path, county, payload) for county in COUNTIES},
        policy=draft_policy(members, log=log, url=URL, provinces_needed=2),
    )


def assert_nothing_made(ceremony: Ceremony) -> None:
    """A refused founding leaves the folder as it was."""
    names = {path.name for path in ceremony.hub.iterdir()}
    assert names == {"keys", "log.vkey", "hub-jwks.json"}


def test_founding_creates_a_log_with_genesis_and_its_head(ceremony: Ceremony) -> None:
    genesis = ceremony.found()
    assert (ceremony.hub / "genesis").read_bytes() == genesis
    assert (ceremony.hub / "policy").read_bytes() == ceremony.policy
    with closing(open_reader(ceremony.hub / "ledger.sqlite")) as connection:
        store = SqliteStore(connection)
        assert (store.state().origin, store.state().size, store.state().published) == (ORIGIN, 2, 0)
        assert store.reader.entries(0, 1) == [genesis]


def test_the_log_opens_with_the_hubs_key_only(ceremony: Ceremony) -> None:
    ceremony.found()
    keys = open_hub_keys(ceremony.hub, PASSPHRASE)
    with closing(open_reader(ceremony.hub / "ledger.sqlite")) as connection:
        state = Sequencer.open(SqliteStore(connection), keys.log).keys
        assert (sorted(state.counties), state.k) == (list(COUNTIES), 4)
        with pytest.raises(NotVerified) as caught:
            Sequencer.open(SqliteStore(connection), keys.token)
    assert caught.value.code == "corrupt_store"


def test_verifiers_pin_what_the_members_signed(ceremony: Ceremony) -> None:
    entry = parse_entry(ceremony.found())
    assert isinstance(entry, MemberChange)
    state = KeyState.genesis(entry)
    for member in ceremony.members:
        for key in member.keys:
            assert state.key_for(key.kid, index=1, use=key.uses[0]) == key.public_key


def test_the_drafted_policy_asks_two_provinces_and_spares_one_witness_of_three(ceremony: Ceremony) -> None:
    policy = Policy.parse(ceremony.policy)
    groups = {group.name: (group.threshold, group.members) for group in policy.groups}
    assert groups == {
        "province-32": (2, ("w320412", "w320583")),
        "province-33": (1, ("w330603",)),
        "province-37": (2, ("w370214", "w370783", "w371082")),
        "alliance": (2, ("province-32", "province-33", "province-37")),
    }
    assert policy.quorum == "alliance"
    assert [(each.key.vkey(), each.url) for each in policy.logs] == [(ceremony.log.vkey(), URL)]
    assert {each.url for each in policy.witnesses} == {f"https://{county}.example/witness" for county in COUNTIES}
    assert {each.key.name for each in policy.witnesses} == {f"{each}.tongban.example/witness" for each in COUNTIES}
    assert policy.shared >= 1


@pytest.mark.parametrize("provinces", [0, 4])
def test_a_policy_that_no_quorum_can_meet_is_not_drafted(ceremony: Ceremony, provinces: int) -> None:
    with pytest.raises(Malformed) as caught:
        draft_policy(ceremony.members, log=ceremony.log, url=URL, provinces_needed=provinces)
    assert caught.value.code == "bad_policy"


@pytest.mark.parametrize("k", [0, 7])
def test_more_signers_than_members_are_not_drafted(ceremony: Ceremony, k: int) -> None:
    with pytest.raises(Malformed, match=rf"^bad_setting: k = {k} of 6 members$"):
        draft_genesis(ceremony.members, origin=ORIGIN, k=k, iat=NOW)


def test_an_unusable_origin_leaves_no_file_behind(tmp_path: Path) -> None:
    given: dict[str, Any] = {"passphrase": PASSPHRASE, "holder": HOLDER, "random": seeded("hub")}
    with pytest.raises(Malformed, match=r"^bad_vkey: "):
        make_hub_keys(tmp_path / "hub", origin="hub example", **given)
    assert list(tmp_path.iterdir()) == []
    make_hub_keys(tmp_path / "hub", origin=ORIGIN, **given)


def test_a_county_named_twice_is_not_drafted(ceremony: Ceremony) -> None:
    with pytest.raises(Malformed, match="a county is named twice"):
        draft_genesis([*ceremony.members, ceremony.members[0]], origin=ORIGIN, k=2, iat=NOW)


def refused(ceremony: Ceremony, **changed: Any) -> tuple[type[TongbanError], str]:
    """Try to found, and give class and code of the refusal; nothing was made."""
    with pytest.raises(TongbanError) as caught:
        ceremony.found(**changed)
    assert_nothing_made(ceremony)
    return type(caught.value), caught.value.code


def test_a_missing_signature_stops_it(ceremony: Ceremony) -> None:
    some = {county: ceremony.signatures[county] for county in COUNTIES[:-1]}
    assert refused(ceremony, signatures=some) == (NotVerified, "not_enough_signers")


def test_no_signature_at_all_stops_it(ceremony: Ceremony) -> None:
    assert refused(ceremony, signatures={})[0] is Malformed


def test_one_member_cannot_sign_for_another(ceremony: Ceremony) -> None:
    """The protected header names the kid of 370214, but the signature is that of 371082."""
    header, _ = ceremony.signatures["370214"]
    forged = {**ceremony.signatures, "370214": (header, ceremony.signatures["371082"][1])}
    assert refused(ceremony, signatures=forged) == (NotVerified, "bad_signature")


def test_one_member_signing_twice_is_not_two_members(ceremony: Ceremony) -> None:
    twice = {**ceremony.signatures, "370214": ceremony.signatures["371082"]}
    assert refused(ceremony, signatures=twice)[0] in {Malformed, NotVerified}


def test_signatures_over_another_draft_stop_it(ceremony: Ceremony) -> None:
    """The hub asked for 1 of n instead of 4 after the members had signed."""
    other = draft_genesis(ceremony.members, origin=ORIGIN, k=1, iat=NOW)
    assert refused(ceremony, payload=other) == (NotVerified, "bad_signature")


def test_a_stranger_among_the_signers_stops_it(ceremony: Ceremony, tmp_path: Path) -> None:
    make_member(tmp_path, "110112")
    signatures = {**ceremony.signatures, "110112": sign(tmp_path, "110112", ceremony.payload)}
    assert refused(ceremony, signatures=signatures) == (NotVerified, "unknown_kid")


def test_a_policy_of_another_log_stops_it(ceremony: Ceremony, tmp_path: Path) -> None:
    other = make_hub_keys(
        tmp_path / "other", origin=ORIGIN, passphrase=PASSPHRASE, holder=HOLDER, random=seeded("other")
    )
    policy = draft_policy(ceremony.members, log=other, url=URL, provinces_needed=2)
    assert refused(ceremony, policy=policy) == (Malformed, "bad_policy")


def test_a_policy_with_a_second_log_stops_it(ceremony: Ceremony, tmp_path: Path) -> None:
    other = make_hub_keys(
        tmp_path / "other", origin="other.example/ledger", passphrase=PASSPHRASE, holder=HOLDER, random=seeded("other")
    )
    policy = f"log {other.vkey()} {URL}\n".encode() + ceremony.policy
    assert refused(ceremony, policy=policy) == (Malformed, "bad_policy")


def test_a_genesis_for_another_origin_stops_it(ceremony: Ceremony, tmp_path: Path) -> None:
    payload = draft_genesis(ceremony.members, origin="other.example/ledger", k=4, iat=NOW)
    signatures = {county: sign(tmp_path, county, payload) for county in COUNTIES}
    assert refused(ceremony, payload=payload, signatures=signatures) == (Malformed, "bad_policy")


def test_a_wrong_passphrase_stops_it(ceremony: Ceremony) -> None:
    assert refused(ceremony, passphrase=b"wrong horse") == (Malformed, "bad_file")


def test_a_ledger_that_is_there_is_never_replaced(ceremony: Ceremony) -> None:
    ceremony.found()
    before = {path.name: path.read_bytes() for path in ceremony.hub.iterdir() if path.is_file()}
    with pytest.raises(Conflict) as caught:
        ceremony.found()
    assert caught.value.code == "already_exists"
    assert {path.name: path.read_bytes() for path in ceremony.hub.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("lost", [(), ("journal.sqlite",), ("genesis",)])
def test_a_lost_ledger_is_no_reason_to_found_a_second_log(ceremony: Ceremony, lost: tuple[str, ...]) -> None:
    """Without ledger.sqlite the folder looks new: its genesis or journal tells it from one that is."""
    ceremony.found()
    for name in ("ledger.sqlite", *lost):
        (ceremony.hub / name).rename(ceremony.hub.with_name(name))
    (ceremony.hub / "policy").write_bytes(b"of the members, later")
    before = {path.name: path.read_bytes() for path in ceremony.hub.iterdir() if path.is_file()}
    with pytest.raises(
        Conflict, match=r"there is no ledger.sqlite: .* put a backup's back, or .* `tongban ledger restore`"
    ):
        ceremony.found()
    assert {path.name: path.read_bytes() for path in ceremony.hub.iterdir() if path.is_file()} == before
    with pytest.raises(Unavailable, match=r"a log was founded here: .* `tongban ledger restore`"):
        open_reader(ceremony.hub / "ledger.sqlite")


@pytest.mark.parametrize("moved", range(4))
def test_a_founding_that_was_cut_off_is_done_again(ceremony: Ceremony, moved: int) -> None:
    """What a killed process leaves: its folder aside, with the ledger, and files that were moved before."""
    aside = ceremony.hub / "founding"
    aside.mkdir()
    (aside / "ledger.sqlite").write_bytes(b"half a ledger")
    for name in ("policy", "genesis", "journal.sqlite")[:moved]:
        (ceremony.hub / name).write_bytes(b"of the founding before")
    genesis = ceremony.found()
    assert (ceremony.hub / "genesis").read_bytes() == genesis
    assert (ceremony.hub / "policy").read_bytes() == ceremony.policy
    assert not aside.exists()


def test_keys_that_are_there_are_never_replaced(ceremony: Ceremony) -> None:
    before = {path.name: path.read_bytes() for path in (ceremony.hub / "keys").iterdir()}
    with pytest.raises(Conflict) as caught:
        make_hub_keys(ceremony.hub, origin=ORIGIN, passphrase=PASSPHRASE, holder=HOLDER, random=seeded("again"))
    assert caught.value.code == "already_exists"
    assert {path.name: path.read_bytes() for path in (ceremony.hub / "keys").iterdir()} == before


def test_files_are_0600_and_folders_0700(ceremony: Ceremony) -> None:
    ceremony.found()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [ceremony.hub, *ceremony.hub.rglob("*")]}
    assert {path.name for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == set()
    keys = {"log.pem", "token.pem", "vault.key", "holder.key"}
    assert {path.name for path in (ceremony.hub / "keys").iterdir()} == keys


@pytest.mark.parametrize("name", ["log.pem", "token.pem", "vault.key", "holder.key"])
def test_a_key_that_others_can_read_is_not_used(ceremony: Ceremony, name: str) -> None:
    (ceremony.hub / "keys" / name).chmod(0o640)
    with pytest.raises(Malformed, match=f"{name} can be read by others"):
        open_hub_keys(ceremony.hub, PASSPHRASE)


def test_a_folder_that_others_can_enter_gets_no_keys(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir(mode=0o755)
    with pytest.raises(Malformed, match="can be entered by others"):
        make_hub_keys(tmp_path / "hub", origin=ORIGIN, passphrase=PASSPHRASE, holder=HOLDER, random=seeded("hub"))
    assert list((tmp_path / "hub").iterdir()) == []


def test_opened_keys_are_those_made_and_show_no_secret(ceremony: Ceremony) -> None:
    keys = open_hub_keys(ceremony.hub, PASSPHRASE)
    assert (
        log_key(ORIGIN, keys.log) == ceremony.log == VerifierKey.parse((ceremony.hub / "log.vkey").read_text().strip())
    )
    assert keys.holder == HOLDER
    assert len(keys.vault) == 32
    assert keys.vault != keys.holder
    assert not any(repr(secret) in repr(keys) for secret in (keys.vault, keys.holder))
