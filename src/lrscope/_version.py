"""The version, in a file of its own so that what `lrscope` offers can show it without importing `lrscope`."""

__version__ = "0.1.0"
