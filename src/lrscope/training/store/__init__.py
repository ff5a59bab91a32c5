"""What survives: every setting, point, state change and decision of a scan, in order."""
