"""The load test's page: every gate and stage is on it, what is missed is named, nothing of an answer becomes markup."""

from __future__ import annotations

from loadtests.load.page import page

STAGE = {
    "stage": "soak", "seconds": 60.0, "good": 600, "goodput": 10.0, "away": 0, "partial": 2, "wrong": 1, "p50": 20,
    "p95": 90, "p99": 120,
}  # fmt: skip
GATES = [
    {"name": "wrong answers", "bound": "<= 0", "value": 1, "met": False},
    {"name": "memory growth", "bound": "<= 1.05", "value": 1.014, "met": True},
]


def test_the_page_shows_gates_stages_ceiling_and_faults() -> None:
    shape = {
        "shape": "soak", "ceiling": 3056.4, "generator": {"soak": 0.042}, "stages": [STAGE], "gates": GATES,
        "faults": {"faces: 200: <b>": 3},
    }  # fmt: skip
    made = page({"conditions": {"cores": 2, "processor": "x<y"}, "shapes": [shape]})
    for part in (
        "<p>Missed: soak: wrong answers.</p>",
        "3,056 answers/s against a constant reply",
        '<tr class="missed"><td>wrong answers</td><td>1.00</td><td>&lt;= 0</td><td>missed</td></tr>',
        '<tr class="met"><td>memory growth</td><td>1.01</td><td>&lt;= 1.05</td><td>met</td></tr>',
        "<td>0</td><td>2</td><td>1</td><td>20</td><td>90</td><td>120</td><td>4% of a core</td></tr>",
        "<li>3 x faces: 200: &lt;b&gt;</li>",
        "<td>x&lt;y</td>",
    ):
        assert part in made
    assert "<script" not in made


def test_the_page_of_a_run_that_met_everything_says_so() -> None:
    shape = {"shape": "ramp", "ceiling": 1.0, "generator": {}, "stages": [STAGE], "gates": GATES[1:], "faults": {}}
    assert "<p>Every gate is met.</p>" in page({"conditions": {}, "shapes": [shape]})
