"""Benchmarks: ratios of CPU seconds between interleaved runs.  None of them is an assertion.

python -m tests.bench            all
python -m tests.bench demo       one: help, demo or map
"""
