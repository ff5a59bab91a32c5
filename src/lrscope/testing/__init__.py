"""Curves of known truth, toy problems, and conformance suites for anyone's plug-in."""
