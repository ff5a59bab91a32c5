"""Logs to curves, one format a file. `read` recognises a file's format, `from_object` takes what lies in
memory."""

from lrscope.readers.base import LoggedRun
from lrscope.readers.objects import from_object
from lrscope.readers.read import read

__all__ = ["LoggedRun", "from_object", "read"]
