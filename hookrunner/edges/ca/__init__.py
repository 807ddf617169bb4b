"""The CA: an ACME server (RFC 8555), through the `acme` library."""
