"""Function apps for the tests."""
