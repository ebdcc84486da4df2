"""The folder of a verifier who works without a network: fetched, checked, replaced as a whole."""
