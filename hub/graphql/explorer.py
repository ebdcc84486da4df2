"""A page to try queries on, in development only: one text area for the document, one for variables, one answer.

It stands alone: no script, style or font of another host, and a policy that allows none.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

__all__ = ["EXPLORER_HEADERS", "EXPLORER_PAGE"]

_SCRIPT: Final = """
const at = (id) => document.getElementById(id);
async function run() {
  const headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"};
  if (at("token").value) headers["Authorization"] = "Bearer " + at("token").value;
  let variables = {};
  try { variables = JSON.parse(at("variables").value || "{}"); }
  catch (error) { at("answer").textContent = "variables: " + error.message; return; }
  const body = JSON.stringify({query: at("query").value, variables});
  try {
    const answer = await fetch(location.pathname, {method: "POST", headers, body});
    at("answer").textContent = answer.status + "\\n" + JSON.stringify(await answer.json(), null, 2);
  } catch (error) { at("answer").textContent = String(error); }
}
at("run").addEventListener("click", run);
document.addEventListener("keydown", (event) => { if (event.ctrlKey && event.key === "Enter") run(); });
"""

_STYLE: Final = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 1rem; display: grid; gap: .5rem; grid-template-columns: 1fr 1fr; }
textarea, pre, input { font: 13px/1.5 monospace; width: 100%; box-sizing: border-box; margin: 0; }
pre { border: 1px solid #bbb; padding: .5rem; overflow: auto; grid-row: span 4; white-space: pre-wrap; }
"""

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tongban GraphQL</title><style>{style}</style></head>
<body>
<textarea id="query" rows="18" spellcheck="false">{{ matters {{ edges {{ node {{ code name }} }} }} }}</textarea>
<pre id="answer">Ctrl-Enter runs the document.</pre>
<textarea id="variables" rows="5" spellcheck="false" placeholder='variables: {{}}'></textarea>
<input id="token" type="password" autocomplete="off" placeholder="access token, if a field needs one">
<button id="run">Run</button>
<script>{script}</script>
</body></html>
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


EXPLORER_PAGE: Final = _PAGE.format(style=_STYLE, script=_SCRIPT).encode()
EXPLORER_HEADERS: Final[dict[str, str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
