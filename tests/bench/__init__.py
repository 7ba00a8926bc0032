"""Mirrors `bench`: what the benchmarks show, small and in every run."""
