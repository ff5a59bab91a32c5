"""Any program as a source of runs."""
