"""What a county runs: keys, record store, outbox, witness and record-source endpoint."""
