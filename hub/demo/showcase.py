"""`make serve`: the demo's alliance, running until Ctrl-C, with what a partner's developer needs to try it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from hub.demo.alliance import Alliance
from hub.demo.story import FEED_COUNTY, LOOK_UP, PROGRAM, sample_feed
from hub.demo.telling import Teller
from hub.ingest import ingest_feed
from hub.ingest.feeds import Feed
from hub.ingest.generate import feed_lines, feed_rows
from hub.ingest.normalise import Normaliser
from hub.processes import Child
from ledger.errors import Unavailable

__all__ = ["show", "watch"]

_LICENSES: Final = 2_000
_ASKING: Final = "320583"
_TAIL_CHARS: Final = 1500  # of the log of a process that ended

_TEXT: Final = """\
The alliance runs; Ctrl-C ends it.

  GraphQL      {hub}/graphql        explorer page in a browser
  ledger       {hub}/ledger/checkpoint
  state        {hub}/readyz   {hub}/metrics

Folders and passphrase files (`--data`, `--passphrase-file`):

{folders}

A token for county {asking} (10 minutes):

  TOKEN=$({tongban} county token --data {data} --passphrase-file {secret})

Three queries to paste. The catalogue needs no token:

  curl -s {hub}/graphql -H 'Content-Type: application/json' \\
    -d '{{"query":"{{ matters(first: 3) {{ edges {{ node {{ code name mode }} }} }} }}"}}'

The newest checkpoint and who cosigned it:

  curl -s {hub}/graphql -H 'Content-Type: application/json' \\
    -d '{{"query":"{{ checkpoint {{ size time cosigners }} }}"}}'

A holder's licenses of all counties, with their faces:

  curl -s {hub}/graphql -H 'Content-Type: application/json' -H "Authorization: Bearer $TOKEN" -d @{query}
"""


def show(teller: Teller, normaliser: Normaliser, *, clock: Callable[[], int]) -> None:
    """Run the alliance with a sample feed sealed, say how to try it, and wait for Ctrl-C.

    Raises Unavailable not_ready when one of the processes ends before.
    """
    alliance = teller.alliance
    feed = alliance.folder / "feed.csv"
    with feed.open("w", encoding="utf-8", newline="") as file:
        file.writelines(feed_lines(sample_feed(_LICENSES)))
    with suppress(KeyboardInterrupt), alliance.running(dev=True):
        teller.say("started a hub, its graph engine and five county nodes of three provinces, each a process")
        with alliance.node(FEED_COUNTY) as node:
            ingest_feed(Feed.open(feed), node, normaliser, rejects=feed.with_suffix(".rejects"), clock=clock)
            teller.say(f"county {FEED_COUNTY} sealed {_LICENSES} licenses of a feed; the hub logs them")
            while node.status(clock()).stated < _LICENSES:
                time.sleep(0.2)
        teller.say("all of them are witnessed")
        count = alliance.publish_offerings(clock())
        alliance.await_offerings()
        teller.say(f"the counties published {count} offerings, each signed, and stated in the journal")
        teller.console.print(_told(alliance), markup=False)
        watch(alliance.children)
    teller.say("stopped; the folder with its keys is removed")


def _told(alliance: Alliance) -> str:
    query = alliance.folder / "licenses.json"
    query.write_text(json.dumps(_question(alliance)), encoding="utf-8")
    names = ("hub", *alliance.counties)
    return _TEXT.format(
        hub=alliance.url("hub"),
        asking=_ASKING,
        folders="\n".join(f"  {name:7} {alliance.data(name)}  {alliance.passphrase_file(name)}" for name in names),
        data=alliance.data(_ASKING),
        secret=alliance.passphrase_file(_ASKING),
        query=query,
        tongban=PROGRAM,
    )


def watch(children: Mapping[str, Child]) -> None:
    """Wait until one of the processes ends. Raises Unavailable not_ready: which one, and the end of its log."""
    while True:
        for name, child in children.items():
            if not child.running:
                tail = child.log.read_text("utf-8", errors="replace")[-_TAIL_CHARS:]
                raise Unavailable("not_ready", f"{name} has ended; its log ends:\n{tail}")
        time.sleep(0.2)


def _question(alliance: Alliance) -> dict[str, object]:
    row = next(feed_rows(sample_feed(1)))
    kind, code = row["CZZTDMLXDM"], row["CZZTDM"]
    (consent,) = alliance.record_consents(_ASKING, [(kind, code)], int(time.time()))
    holder = {"certificateHolderTypeCode": kind, "certificateHolderCode": code}
    return {"query": LOOK_UP, "variables": {"holder": holder, "useCause": "try-out", "basis": {"consent": consent}}}
