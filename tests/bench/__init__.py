"""Benchmarks: figures as ratios to a reference in the same run, printed as a table and written to `bench.json`."""
