"""A scan, shown."""
