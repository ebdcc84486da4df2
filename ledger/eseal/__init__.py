"""E-seals (电子印章) of GB/T 38540-2020 beside an attestation: made, put on license documents, verified.

See README.md in this folder for the formats, the order of verification, and the traps.
"""
