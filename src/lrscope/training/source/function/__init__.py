"""Python functions as sources of runs."""
