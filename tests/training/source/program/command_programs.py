"""Real programs for the tests of programs, and an outside view on their processes.

The outside view is independent of what is tested: each test puts a variable of its own into the environment
that everything inherits, and asks psutil who has it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

VARIABLE = "LRSCOPE_TEST_FAMILY"

STEPS = """\
import sys, time
lr, steps, pause = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
for step in range(1, steps + 1):
    print(f"step {step}: loss {1 / step:.6f}")
    time.sleep(pause)
"""

# Prints steps, and has a child, a grandchild and a daemon (other parent and session), all of them busy.
WITH_FAMILY = """\
import os, subprocess, sys, time
BUSY = "while True: pass"
CHILD = f"import subprocess, sys\\nsubprocess.Popen([sys.executable, '-c', {BUSY!r}])\\n{BUSY}"
subprocess.Popen([sys.executable, "-c", CHILD])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: pass
    os._exit(0)
step = 0
while True:
    step += 1
    print(f"step {step}: loss {1 / step:.6f}")
    time.sleep(0.002)
"""

# Has a child in a session of its own that has children all the time, each of which lives for a moment.
BREEDING = """\
import os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        if os.fork() == 0:
            time.sleep(0.1)
            os._exit(0)
        time.sleep(0.001)
step = 0
while True:
    step += 1
    print(f"step {step}: loss {1 / step:.6f}")
    time.sleep(0.002)
"""

# All its steps at once: whoever reads it is past every step that was asked for.
AT_ONCE = "import os, time\nos.write(1, b''.join(b'step %d: loss 0.5\\n' % k for k in range(1, 31)))\n"

STUBBORN = """\
import signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
step = 0
while True:
    step += 1
    print(f"step {step}: loss {1 / step:.6f}")
    time.sleep(0.002)
"""


def python(program: str, *arguments: str) -> list[str]:
    """A command that runs this Python text; the learning rate is its first argument."""
    return [sys.executable, "-c", program, "{lr}", *arguments]


def family_members(token: str) -> list[psutil.Process]:
    """All processes alive that have inherited this test's variable, this process and zombies excepted."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.environ().get(VARIABLE) != token:
                continue
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Processor time used so far by these, in user code and in the system."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_reaper(process: psutil.Process) -> bool:
    """Whether this is the guardian's reaper and not a part of a program."""
    try:
        return any("program.reaper" in word for word in process.cmdline())
    except psutil.Error:
        return True


def numbers(text: str) -> Iterator[int]:
    """The integers in a file's text."""
    return (int(word) for word in text.split() if word.isdigit())


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
