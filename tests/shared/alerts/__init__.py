"""Alerts, on fakes."""
