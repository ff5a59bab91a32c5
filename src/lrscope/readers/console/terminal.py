"""Bytes of a program's output → the lines that a person would have seen on a terminal.

Only what matters for reading numbers is emulated. A carriage return or a cursor moved up means that the line
is about to be drawn again: what stood there is handed on as one drawing of it. Backspaces overwrite. Colours
and window titles vanish. Text drawn after a carriage return stands alone, also where the older text was
longer: the tail of an old progress bar is no news.
"""

from __future__ import annotations

import codecs
import re

LONGEST_LINE_CHARACTERS = 32_768
"""Characters of one line that are kept; what follows, up to the line's end, is dropped."""

Line = tuple[str, bool]
"""(text, redrawn): redrawn where the same place on the screen is drawn more than once."""

_CONTROL_SEQUENCE = re.compile(
    r"""(\r*\n | \r+ | [\x08]+ | \x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]
    | \x1b\][^\x07\x1b\r\n]{0,4096}(?:\x07|\x1b\\)
    | \x1b[^\[\]\r\n\x08\x1b] | \x1b)""",
    re.VERBOSE | re.DOTALL,
)
_UNDECIDED = re.compile(r"(?:\r+|\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|\][^\x07\x1b\r\n]{0,4096}\x1b?)?)\Z")


class Terminal:
    """A screen one line high. Feed it bytes in pieces of any size; the lines do not depend on the pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""  # a control sequence whose end has not come yet
        self._line = ""
        self._cursor = 0
        self._dirty = False  # something was written since this line was last handed on
        self._redrawn = False
        self._fresh = False  # after a carriage return: the next text begins the line anew
        self._moved = False  # the cursor went back: what stood there until now is complete
        self._below = 0  # lines under the cursor that have been drawn before

    def feed(self, chunk: bytes) -> list[Line]:
        """Lines completed by this chunk, and drawings of a line that were replaced by another."""
        return self._read(self._decoder.decode(chunk), final=False)

    def finish(self) -> list[Line]:
        """The last, unterminated line, if there is one."""
        done = self._read(self._decoder.decode(b"", True), final=True)
        self._hand_on(done)
        return done

    def _read(self, text: str, final: bool) -> list[Line]:
        if self._held:
            text, self._held = self._held + text, ""
        done: list[Line] = []
        if not ("\r" in text or "\x1b" in text or "\b" in text):
            if self._cursor == len(self._line) and not self._fresh and not self._below:
                self._plain(text, done)
                return done
        elif not final and (held := _UNDECIDED.search(text, max(0, len(text) - 4200))):
            self._held, text = text[held.start() :], text[: held.start()]
        parts = _CONTROL_SEQUENCE.split(text)
        for i in range(0, len(parts), 2):
            if parts[i]:
                self._write(parts[i], done)
            if i + 1 < len(parts):
                self._control(parts[i + 1], done)
        return done

    def _plain(self, text: str, done: list[Line]) -> None:
        lines = text.split("\n")
        for line in lines[:-1]:
            if self._line or self._redrawn:
                self._append(line)
                done.append((self._line, self._redrawn))
                self._line, self._redrawn = "", False
            else:
                done.append((line[:LONGEST_LINE_CHARACTERS], False))
        self._dirty = (self._dirty and len(lines) == 1) or bool(lines[-1])
        self._append(lines[-1])
        self._cursor = len(self._line)

    def _append(self, text: str) -> None:
        if text:
            self._line = (self._line + text)[:LONGEST_LINE_CHARACTERS]

    def _write(self, text: str, done: list[Line]) -> None:
        if self._fresh:
            self._hand_on(done)
            self._line, self._cursor, self._fresh, self._redrawn = "", 0, False, True
            self._moved = False
        if self._cursor < len(self._line):
            self._complete(done)
            end = self._cursor + len(text)
            self._line = (self._line[: self._cursor] + text + self._line[end:])[:LONGEST_LINE_CHARACTERS]
            self._cursor = min(end, len(self._line))
        else:
            self._append(text)
            self._cursor = len(self._line)
        self._dirty = True

    def _control(self, code: str, done: list[Line]) -> None:
        if code[-1] == "\n":
            done.append((self._line, self._redrawn or self._below > 0))
            self._below = max(0, self._below - 1)
            self._new_line()
        elif code[0] == "\r":
            self._fresh = bool(self._line)
        elif code[0] == "\b":
            self._back(len(code))
        elif code.startswith("\x1b["):
            self._csi(code, done)

    def _csi(self, code: str, done: list[Line]) -> None:
        final, digits = code[-1], code[2:-1]
        count = max(1, int(digits)) if digits.isdigit() and len(digits) < 5 else 1
        if final == "K":
            if digits == "2" or (self._fresh and digits in ("", "0")):
                self._redrawn = True
                self._hand_on(done)
                self._line, self._cursor, self._fresh, self._moved = "", 0, False, False
            elif digits in ("", "0") and self._cursor < len(self._line):
                self._complete(done)
                self._line = self._line[: self._cursor]
        elif final in "ABEFHfJd":
            self._hand_on(done)
            self._new_line()
            if final in "AF":
                self._below = min(self._below + count, 1000)
            elif final in "Hf":
                self._below = 1000  # a whole screen that is drawn again
        elif final == "G":
            self._fresh = count == 1 and bool(self._line)
            if count > 1:
                self._moved = self._moved or count - 1 < self._cursor
                self._cursor = min(count - 1, len(self._line))
        elif final == "D":
            self._back(count)
        elif final == "C":
            self._write(" " * min(count, 500), done)

    def _back(self, count: int) -> None:
        self._moved = self._moved or self._cursor > 0
        self._cursor = max(0, self._cursor - count)

    def _complete(self, done: list[Line]) -> None:
        """Hand the line on before it is written over, once for each time that the cursor went back."""
        if self._moved:
            self._redrawn, self._moved = True, False
            self._hand_on(done)

    def _new_line(self) -> None:
        self._line, self._cursor, self._fresh, self._redrawn, self._dirty = "", 0, False, False, False
        self._moved = False

    def _hand_on(self, done: list[Line]) -> None:
        if self._dirty and self._line:
            done.append((self._line, True if self._fresh or self._below else self._redrawn))
        self._dirty = False
