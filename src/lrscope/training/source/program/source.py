"""Any program as a source: a command with `{lr}` in it, whose losses are read from what it prints or writes.

    CommandSource(["python", "train.py", "--lr", "{lr}", "--seed", "{seed}"])

Placeholders are filled in, also inside longer words (`--lr={lr}`, `optim.lr={lr}`, `{"rate": {lr}}`); all other braces
stay as they are. No shell takes part.

    {lr}, {batch_size}, …   hyperparameters; numbers in plain decimals: 0.001, 0.00001, 10.0 (`config.value_text`)
    {seed}                  the seed, an integer
    {out}                   an empty folder that belongs to the run alone, an absolute path

The program's environment is the present one, with what makes it print line by line (`environment.py`), its
share of the processors where several run at once, and the mark of `guardian.py`. Standard input is empty.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from lrscope.config import Config, RunKey, run_name, value_text
from lrscope.errors import SourceError, StoreError
from lrscope.readers.console import Parser
from lrscope.readers.follow import FileFollower
from lrscope.training.source.base import LiveRun, Source, Watch
from lrscope.training.source.program.environment import line_by_line
from lrscope.training.source.program.folders import linked_copy, move_aside, new_folder
from lrscope.training.source.program.launch import Launch
from lrscope.training.source.program.placeholders import (
    check_places,
    check_program,
    command_name,
    fill,
    uses,
)
from lrscope.training.source.program.run import CommandRun, close_together

_GRACE_SECONDS = 2.0  # seconds a program has to end by itself when it is asked to
_NO_GRACE_SECONDS = (
    0.2  # the same once it has been seen to ignore that: twenty runs must not cost forty seconds
)
_HASHED_BYTES = 16 << 20  # bytes; larger files are compared by size and time

_numbers = itertools.count(1)
_writing = threading.Lock()


class CommandSource(Source):
    """A program that is started once a run.

    Parameters
    ----------
    arguments : sequence of str
        Program and arguments; `{lr}` must stand in one of them.
    parameters : sequence of str, default ("lr",)
        Hyperparameters that it is given; each must have its placeholder in one of the arguments.
    metric : str, optional
        Name of the metric to read; default: everything that looks like one.
    pattern : str, optional
        Regular expression that finds the numbers in its output, in place of what is recognised by itself.
    metrics_file : str, optional
        Read this file (JSON lines or CSV), which the program writes, and not its output. It may hold the
        placeholders. A relative path without `{lr}` or `{out}` names one file for all runs; then each runs in
        a working folder of its own, made of links to what is in the present one.

    Raises
    ------
    SourceError
        If a hyperparameter has no placeholder, or a placeholder no hyperparameter; if the program cannot be found, or
        all runs would write one metrics file.
    UsageError
        If `pattern` is no regular expression of use.
    """

    own_process = True
    pausable = True

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        parameters: Sequence[str] = ("lr",),
        metric: str | None = None,
        pattern: str | None = None,
        metrics_file: str | None = None,
    ) -> None:
        self.arguments = [str(word) for word in arguments]
        self.cwd = Path.cwd()
        self.parameters = tuple(parameters)
        check_program(self.arguments, self.cwd)
        check_places(self.arguments, self.parameters)
        self.metric, self.pattern, self.metrics_file = metric, pattern, metrics_file
        self.own_folder = (
            metrics_file is not None
            and not uses("out", metrics_file)
            and not all(uses(name, metrics_file) for name in self.parameters)
        )
        if metrics_file is not None:
            self._check_metrics_file(metrics_file)
        if metrics_file is None:
            Parser(metric=metric, pattern=pattern)  # a pattern that is none is told now, not after the start
        self.name = command_name(self.arguments)
        self.takes_seed = uses("seed", *self.arguments)
        self.grace = _GRACE_SECONDS
        self._writers: set[Path] = set()

    def start(
        self, config: Config, seed: int, *, watch: Watch | None = None, log: Path | None = None
    ) -> LiveRun:
        return CommandRun(self, config, seed, watch=watch, log=log)

    def close_runs(self, runs: Sequence[LiveRun]) -> None:
        close_together([run for run in runs if isinstance(run, CommandRun)])

    def identity(self) -> Mapping[str, str]:
        """The command, and where and how its losses are read."""
        identity = {"command": json.dumps(self.arguments, ensure_ascii=False)}
        if self.metrics_file is not None:
            identity["metrics file"] = self.metrics_file
        if self.pattern is not None:
            identity["pattern"] = self.pattern
        return identity

    def fingerprint(self) -> Mapping[str, str]:
        """Hashes of the files that the command names: a script, a configuration."""
        found = {}
        for i, word in enumerate(self.arguments):
            if i == 0 and "/" not in word:
                continue  # an interpreter on the PATH
            for name in {word, word.partition("=")[2]} - {""}:
                try:
                    path = self.cwd / name
                    if not path.is_file():
                        continue
                    stat = path.stat()
                    if stat.st_size <= _HASHED_BYTES:
                        found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
                    else:
                        found[name] = f"{stat.st_size} bytes, {stat.st_mtime_ns}"
                except (OSError, ValueError):  # no path, or a file that is not ours to read
                    continue
        return found

    def prepare(self, config: Config, seed: int, log: Path | None) -> Launch:
        """Fill in the command of one run and make its folders: beside its log and named like it; without a log, a
        temporary one that goes with the run."""
        number = next(_numbers)
        values = {name: value_text(value) for name, value in config.items()} | {"seed": str(seed)}
        told = run_name(RunKey(config, seed))
        temporary: tempfile.TemporaryDirectory[str] | None = None
        own: Path | None = None
        if self.own_folder or uses("out", *self.arguments, self.metrics_file or ""):
            if log is not None:
                name = log.stem if log.suffix == ".log" else f"{log.name}-files"
                own = new_folder(log.absolute().with_name(name))
            else:
                temporary = tempfile.TemporaryDirectory(prefix="lrscope-", ignore_cleanup_errors=True)
                own = Path(temporary.name)
            own = own.resolve()
            values["out"] = str(own)
        launch = Launch(
            arguments=[fill(word, values) for word in self.arguments],
            run=f"{told}-{number}",
            cwd=self.cwd,
            variables={},
            reader=None,
            follower=None,
            metrics=None,
            temporary=temporary,
        )
        launch.variables |= {**line_by_line(launch.arguments[0], self.cwd), **self.variables}
        if self.metrics_file is None:
            launch.reader = Parser(metric=self.metric, pattern=self.pattern)
            return launch
        relative = Path(fill(self.metrics_file, values))
        if self.own_folder and own is not None:
            launch.cwd = new_folder(own / "work")
            launch.variables["PWD"] = str(launch.cwd)
            try:
                linked_copy(self.cwd, launch.cwd, relative)
            except OSError as error:
                raise StoreError(
                    f"The run's folder {str(launch.cwd)!r} cannot be filled with links: {error.strerror}."
                ) from error
            launch.notes.append(
                f"Every run would write the same {self.metrics_file}, so each has a working folder of its "
                "own, with links to everything in this one; put {out} or {lr} into the path to change that."
            )
        path = launch.cwd / relative
        with _writing:
            taken = path in self._writers
            self._writers.add(path)
        if taken:
            self.release(launch)
            raise SourceError(
                f"Two runs would write the same metrics file {self.metrics_file!r} at the same time; "
                "put {out}, or both {lr} and {seed}, into its path."
            )
        launch.metrics = path
        try:
            aside = move_aside(path)
        except OSError as error:
            self.release(launch)
            raise SourceError(
                f"The metrics file {str(path)!r} is there already and cannot be moved aside "
                f"({error.strerror}); remove it, or put {{out}} into --metrics-file."
            ) from error
        if aside is not None:
            launch.notes.append(f"{path.name} was there already; it was renamed to {aside.name}.")
        launch.follower = FileFollower(path, metric=self.metric)
        return launch

    def release(self, launch: Launch) -> None:
        """The run has been closed: its metrics file may be written by another, its temporary folder goes."""
        if launch.metrics is not None:
            with _writing:
                self._writers.discard(launch.metrics)
        if launch.temporary is not None:
            launch.temporary.cleanup()

    def ended(self, willing: bool) -> None:
        """Note whether the program ends when asked to; one that does not is given less time from then on."""
        if not willing:
            self.grace = _NO_GRACE_SECONDS

    def _check_metrics_file(self, name: str) -> None:
        path = Path(name)
        if not path.parts or name.endswith("/"):
            raise SourceError(f"--metrics-file must name a file, not {name!r}.")
        if not self.own_folder:
            return
        if path.is_absolute() or path.parts[0] in ("..", "~"):
            raise SourceError(
                f"All runs would write the same metrics file {name!r}; put {{lr}} or {{out}} into its path, "
                "here and in the program's own arguments, such as --metrics-file {out}/metrics.csv."
            )

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_writers": set()}
