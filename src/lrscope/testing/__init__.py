"""Conformance suites for anyone's plug-in, with what they train, and trainings whose answer is known."""
