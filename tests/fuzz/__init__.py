"""Fuzzing: what must hold for any bytes whatever, and bytes that were made to hurt."""
