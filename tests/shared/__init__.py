"""Tests of the domain and its edges."""
