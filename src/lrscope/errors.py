"""Every error that lrscope raises on purpose.

    LrscopeError
    ├── UsageError (ValueError)       the caller asked for something that cannot be done      exit 2
    │   ├── SourceError               what was given to be trained cannot be used as it is
    │   └── SettingsError             a results folder was made by other settings
    ├── StoreError (OSError)          results could not be read or written                    exit 1
    └── InconclusiveError             everything ran, and nothing can be concluded            exit 3

Each message is one clear sentence for a person: what was wrong, where, and what to do. What a training
run does by itself (diverging, failing at one learning rate) is a value with a reason, never an exception.
"""

from __future__ import annotations


class LrscopeError(Exception):
    """Base of all errors raised on purpose. `detail` is more text for `--debug` (a user's own traceback)."""

    exit_status: int = 1

    def __init__(self, message: str, *, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders (worker → session), and Exception's own pickling drops keywords.
        return (_rebuild, (type(self), self.message, self.detail))


class UsageError(LrscopeError, ValueError):
    """The caller asked for something that cannot be done; the message says what to ask instead."""

    exit_status = 2


class SourceError(UsageError):
    """What was given to be trained (function, program, metrics file) cannot be used as it is."""


class SettingsError(UsageError):
    """A results folder holds a scan made by other settings, or is in use by another scan."""


class StoreError(LrscopeError, OSError):
    """Results could not be read or written: full disk, read-only folder, damaged or foreign database."""

    exit_status = 1


class InconclusiveError(LrscopeError):
    """Everything ran and nothing can be concluded: all runs failed, or no losses were found."""

    exit_status = 3


def _rebuild(kind: type[LrscopeError], message: str, detail: str | None) -> LrscopeError:
    return kind(message, detail=detail)
