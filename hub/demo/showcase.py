"""`make serve`: the demo's alliance, running until Ctrl-C, with what a partner's developer needs to try it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from typing import Final

from rich.console import Console

from hub.demo.alliance import Alliance
from hub.demo.story import FEED_COUNTY, LOOK_UP, PROGRAM, sample_feed
from hub.ingest import ingest_feed
from hub.ingest.feeds import Feed
from hub.ingest.generate import feed_lines, feed_rows
from hub.ingest.normalise import Normaliser

__all__ = ["show"]

_LICENSES: Final = 2_000
_ASKING: Final = "320583"

_TEXT: Final = """\
The alliance runs; Ctrl-C ends it.

  GraphQL      {hub}/graphql        explorer page in a browser
  ledger       {hub}/ledger/checkpoint
  state        {hub}/readyz   {hub}/metrics

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


def show(alliance: Alliance, normaliser: Normaliser, *, clock: Callable[[], int]) -> None:
    """Run the alliance with a sample feed sealed, say how to try it, and wait for Ctrl-C."""
    console = Console(highlight=False, soft_wrap=True)
    feed = alliance.folder / "feed.csv"
    with feed.open("w", encoding="utf-8", newline="") as file:
        file.writelines(feed_lines(sample_feed(_LICENSES)))
    with alliance.running(dev=True):
        with alliance.node(FEED_COUNTY) as node:
            ingest_feed(Feed.open(feed), node, normaliser, rejects=feed.with_suffix(".rejects"), clock=clock)
            while node.status(clock()).stated < _LICENSES:
                time.sleep(0.2)
        query = alliance.folder / "licenses.json"
        query.write_text(json.dumps(_question()), encoding="utf-8")
        console.print(
            _TEXT.format(
                hub=alliance.url("hub"),
                asking=_ASKING,
                data=alliance.data(_ASKING),
                secret=alliance.passphrase_file(_ASKING),
                query=query,
                tongban=PROGRAM,
            ),
            markup=False,
        )
        signal.pause()


def _question() -> dict[str, object]:
    row = next(feed_rows(sample_feed(1)))
    holder = {"certificateHolderTypeCode": row["CZZTDMLXDM"], "certificateHolderCode": row["CZZTDM"]}
    return {"query": LOOK_UP, "variables": {"holder": holder, "useCause": "try-out"}}
