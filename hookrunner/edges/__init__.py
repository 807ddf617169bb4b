"""Touches the world: each outside thing has one doorway here."""
