"""Events of cases: one feed made of journal, ledger and time; who follows it; webhooks that carry it away."""
