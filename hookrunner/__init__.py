"""hookrunner: a git push deploys, and every domain in app.toml answers over HTTPS."""

__version__ = "0.1.0"
