"""An app of queue and timer functions."""
