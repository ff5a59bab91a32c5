"""Logs to curves, one format a file."""
