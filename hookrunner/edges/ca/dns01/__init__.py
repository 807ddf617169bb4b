"""dns-01 (RFC 8555 section 8.4): TXT records that come, are waited for, and are taken away again, whatever happens."""
