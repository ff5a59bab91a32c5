"""A range test, shown."""
