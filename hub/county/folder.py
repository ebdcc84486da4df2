"""A county's data folder: made once, opened by every command.

county.json    hub/county/config.py       member.json      public keys, for genesis (hub/county/member.py)
keys/…         hub/county/keys.py         records.sqlite   records and outbox (hub/county/node.py)
witness.sqlite, access.sqlite, tokens.sqlite               of the serving process (hub/county/application.py)
policy, genesis, hub-jwks.json                             handed out by the alliance, put here by a person
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.county.config import CountyConfig
from hub.county.hsm import TokenKey
from hub.county.keys import KeyRing, create_keys
from hub.county.member import MemberFile
from hub.county.node import CountyNode
from hub.keyfiles import founded_folder, write_private
from hub.urls import server_url
from ledger.errors import Conflict, Malformed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.county.hsm import TokenPlace

__all__ = ["init_county", "open_county"]


def init_county(  # noqa: PLR0913  # the members of two files, each by its name
    data: Path,
    *,
    county: str,
    name: str,
    domain: str,
    listen_url: str,
    hub_url: str,
    passphrase: bytes,
    holder_key: bytes,
    random: Callable[[int], bytes],
    now: int,
    seal_alg: str = "Ed25519",
    auditor: bool = False,
    seal_token: TokenPlace | None = None,
) -> MemberFile:
    """Make a county's data folder: keys, county.json, member.json. Nothing that is there is ever overwritten.

    listen_url, hub_url: without a path. holder_key: the alliance's 32 secret bytes. now: from when the keys are good.
    auditor: the county will run one: it gets a key, and the member file says so. seal_token: the seal key is made in a
    token, or found there; an empty label stands for its kid. If this raises, nothing is left behind but such a key.
    Raises Conflict already_exists, Malformed bad_setting, bad_file, bad_vkey (domain), unknown_alg, Unavailable
    not_ready (the token).
    """
    url, hub = server_url(listen_url, "URL of the node"), server_url(hub_url, "URL of the hub")
    config = CountyConfig(county=county, name=name, domain=domain, url=url, hub_url=hub)
    with founded_folder(data, ("keys", "member.json", "county.json")):
        if (data / "county.json").exists():
            raise Conflict("already_exists", "there is a county node in this folder already")
        keys = create_keys(
            data / "keys", county=county, passphrase=passphrase, holder=holder_key, random=random, seal_alg=seal_alg,
            seal_token=None if seal_token is None else TokenKey.make(seal_token.labelled(f"{county}#2"), seal_alg),
            auditor=auditor,
        )  # fmt: skip
        member = MemberFile.of(keys, name=name, domain=domain, url=url, valid_from=now, auditor=auditor)
        write_private(data / "member.json", member.text())
        write_private(data / "county.json", config.text())  # last: a folder without it is not a node yet
    return member


def open_county(data: Path, passphrase: bytes, *, random: Callable[[int], bytes]) -> CountyNode:
    """Open a county's data folder. Raises Malformed bad_file (none here, damaged, wrong passphrase)."""
    try:
        config = CountyConfig.parse((data / "county.json").read_bytes())
    except OSError as error:
        raise Malformed("bad_file", "there is no county.json in this folder: run `tongban county init`") from error
    return CountyNode(data, config, KeyRing(data / "keys", config.county, passphrase), random)
