"""Reads app.toml, the untrusted one: bytes to a :class:`~hookrunner.model.app.Manifest`, or every problem at once."""
