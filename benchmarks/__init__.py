"""Figures, printed as tables: run one with `.venv/bin/python -m benchmarks.push`."""
