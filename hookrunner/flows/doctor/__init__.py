"""Looks at everything that the next push and the next renewal need, and changes nothing."""
