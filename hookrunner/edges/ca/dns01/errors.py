"""What can go wrong with somebody's DNS."""


class DnsFailed(Exception):
    """A record could not be set, taken away, or seen. The message says why; it never holds a secret."""
