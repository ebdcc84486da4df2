"""What schemathesis has to know of our schema: values of its own scalars, and what counts as a fault of the hub.

SCHEMATHESIS_HOOKS=tests.interop.schemathesis_hooks     has it read before the schema

schemathesis's own check takes every error beside data for the server's; here a refused field is an answer, and a fault is
a status of 500 and above, an error without a code of ours, and one that says that a part of the hub does not answer.
"""

from __future__ import annotations

import json
from typing import Any, Final

import schemathesis

from ledger.errors import CODES, Unavailable
from tests.generated_documents import SCALARS

__all__ = ["no_fault_of_the_hub"]

_EXPECTED: Final = CODES.keys() - Unavailable.codes

for _name, _values in SCALARS.items():
    schemathesis.graphql.scalar(_name, _values)


@schemathesis.check
def no_fault_of_the_hub(_context: Any, response: Any, _case: Any) -> None:
    """Judge one answer. Raises AssertionError."""
    assert response.status_code < 500, f"status {response.status_code}"
    codes = {error["extensions"]["code"] for error in json.loads(response.content).get("errors", ())}
    assert codes <= _EXPECTED, f"codes {sorted(codes - _EXPECTED)}"
