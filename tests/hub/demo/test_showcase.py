"""`make serve`: a part that ends is told, with what its log says last."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.demo.showcase import watch
from hub.processes import Child
from ledger.errors import Unavailable


def child(folder: Path, name: str, program: str) -> Child:
    made = Child(name=name, arguments=["-c", program], log=folder / f"{name}.log", ready_url="")
    made.start()
    return made


def test_a_process_that_ends_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    """The others go on meanwhile: nothing else would say that one of six is gone."""
    hub = child(tmp_path, "hub", "import signal; signal.pause()")
    node = child(tmp_path, "320583", "print('out of memory')")
    try:
        with pytest.raises(Unavailable) as caught:
            watch({"hub": hub, "320583": node})
    finally:
        hub.stop()
        node.stop()
    assert str(caught.value) == "not_ready: 320583 has ended; its log ends:\nout of memory\n"
