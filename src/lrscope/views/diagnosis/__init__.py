"""A diagnosis, shown."""
