"""Decides. Pure: no files, processes, network, clock, ACME or git."""
