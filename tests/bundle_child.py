"""A county without a network in a process of its own, to be killed: seals a license, makes a bundle, again and again.

python -m tests.bundle_child <county's folder>        prints the number of each bundle that was made, and does not end
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

from hub.county.bundles import CountyBundles
from tests.alliance import NOW, license_of
from tests.closed_network import HUB_KEY
from tests.county_folder import CountyFolder

__all__: list[str] = []


def _work(folder: CountyFolder) -> None:
    with folder.opened(f"node {folder.counts()}") as node, closing(CountyBundles(node)) as bundles:
        while True:
            node.seal_many([license_of(node.records.count() + 1, county=folder.county)], NOW)
            made = bundles.export(HUB_KEY, NOW, faces=True)
            print(0 if made is None else made.number, flush=True)


if __name__ == "__main__":
    _work(CountyFolder(Path(sys.argv[1]), Path(sys.argv[1]).name))
