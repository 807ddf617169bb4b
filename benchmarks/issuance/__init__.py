"""Issuance, compared with the ACME clients that people know: ``python -m benchmarks.issuance``."""
