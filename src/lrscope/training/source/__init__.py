"""What can be trained: Python functions and any program."""
