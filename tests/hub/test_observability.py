"""Log lines: one JSON object each, whoever writes them, and no text of an exception."""

from __future__ import annotations

import json
import subprocess
import sys

_PROGRAM = """
import logging
import structlog
from hub.observability import configure_logging
configure_logging("info")
try:
    raise ValueError("370214199001010014")
except ValueError:
    logging.getLogger("uvicorn.error").exception('said "%s"', "so")
    structlog.get_logger().error("ours", exc_info=True)
logging.getLogger("quiet").info("not logged")
"""


def test_every_line_is_json_and_tells_an_exception_by_its_class() -> None:
    run = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True, text=True)
    theirs, ours = (json.loads(line) for line in run.stderr.splitlines())
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ('said "so"', "uvicorn.error", "error")
    assert (theirs["error"], ours["error"], ours["event"]) == ("ValueError", "ValueError", "ours")
    assert "370214199001010014" not in run.stderr
