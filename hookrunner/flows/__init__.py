"""Look, decide, do: what a push, a command or a timer sets in motion."""
