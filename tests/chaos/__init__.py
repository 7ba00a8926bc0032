"""The chaos run: everything fails at once and again and again, and in the end every number is right."""
