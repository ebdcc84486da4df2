"""What a county without a network states comes by a bundle, is projected, and is asked for through GraphQL."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver
from hub.graph.projection import Projector
from hub.log.published import PublishedEntries
from tests.alliance import found_alliance
from tests.closed_network import COUNTY, ClosedNetwork
from tests.document_answers import Found, ask
from tests.document_files import DOCUMENTS, Asked
from tests.offerings import MATTER, offering
from tests.ports import NOW, FakeClock
from tests.small_catalogue import small_tables
from tests.statements import TYPE_CODE

VARIABLES: Final = {"matter": MATTER, "county": COUNTY, "on": "2026-07-01"}
ANSWER: Final = {
    "offering": {
        "code": f"{MATTER}@{COUNTY}@20260701",
        "county": {"code": COUNTY, "name": "城阳区"},
        "planEffectiveDate": "2026-07-01",
        "statedAt": "2026-06-01T09:00:00.000Z",
        "promisedDays": 5,
        "materials": [
            {"name": "操作证", "satisfiedBy": [{"code": TYPE_CODE}]},
            {"name": "申请表", "satisfiedBy": []},
            {"name": "营业执照", "satisfiedBy": []},
        ],
    }
}


async def test_what_came_by_a_bundle_is_asked_for_like_all_else(driver: BoltDriver, tmp_path: Path) -> None:
    """Nothing before the bundle was taken in, the offering after it."""
    founded = found_alliance(tmp_path)
    await load_catalogue(driver, small_tables(), "v1")
    async with ClosedNetwork.running(founded, tmp_path, FakeClock(NOW)) as closed:
        closed.node.offerings.publish(offering(), NOW)
        made = closed.export()
        projector = Projector(driver, PublishedEntries(closed.hub.registry), closed.hub.journal)
        found = []
        for taken in (False, True):
            if taken:
                assert (await closed.take(made.path)).refused == []
            await projector.catch_up()
            found.append(await ask(driver, DOCUMENTS["bundled"].text, Asked(variables=VARIABLES)))
    founded.close()
    assert found == [Found(data=data, errors=(), statements=1) for data in ({"offering": None}, ANSWER)]
