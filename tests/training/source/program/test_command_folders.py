"""Files of a run: its own folder, its metrics file, and a working folder where runs would collide."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command_programs import write

from lrscope.config import Config
from lrscope.errors import SourceError, StoreError
from lrscope.training.source.base import Progress, Status
from lrscope.training.source.program.source import CommandSource

WRITER = """\
import json, os, sys, time
path, steps, pause = sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
with open(path, "a") as file:
    for step in range(1, steps + 1):
        file.write(json.dumps({"step": step, "loss": float(sys.argv[1]) / step}) + "\\n")
        file.flush()
        print("working on", step, "loss 99")
        time.sleep(pause)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's working folder with a script that writes a metrics file, and the present one."""
    place = tmp_path / "project"
    place.mkdir()
    write(place / "train.py", WRITER)
    monkeypatch.chdir(place)
    return place


def command(path: str, steps: int = 5, pause: float = 0.0) -> list[str]:
    return [sys.executable, "train.py", "{lr}", path, str(steps), str(pause)]


def to_the_end(run) -> tuple[Progress, list]:
    points, notes = [], []
    while True:
        progress = run.advance(None, 0.25)
        points += progress.points
        notes += progress.notes
        if progress.status is not Status.ADVANCING:
            run.close()
            return progress, points


def test_every_run_has_an_empty_folder(tmp_path: Path):
    """`{out}` is empty, beside the log and named like it; a second start does not find the first's files."""
    script = ["sh", "-c", 'ls "$1"; echo step 1: loss $0; echo x > "$1/checkpoint"; pwd', "{lr}", "{out}"]
    log = tmp_path / "logs" / "lr-0.1-seed-0.log"
    log.parent.mkdir()
    source = CommandSource(script)
    for _ in range(3):
        to_the_end(source.start(Config(lr=0.1), 0, log=log))
    assert "checkpoint" not in log.read_text()
    assert sorted(p.name for p in log.parent.iterdir() if p.is_dir()) == [
        "lr-0.1-seed-0",
        "lr-0.1-seed-0-2",
        "lr-0.1-seed-0-3",
    ]
    assert all((p / "checkpoint").exists() for p in log.parent.iterdir() if p.is_dir())


def test_a_folder_without_a_log_goes_with_the_run():
    """Nobody asked to keep it."""
    run = CommandSource(["sh", "-c", 'echo "$1"; echo step 1: loss 1; cat', "{lr}", "{out}"]).start(
        Config(lr=0.1), 0
    )
    run.advance(None, 10.0)
    folder = Path(run._launch.temporary.name)
    assert folder.is_dir()
    run.close()
    assert not folder.exists()


@pytest.mark.parametrize(
    "path", ["{out}/metrics.jsonl", "metrics-{lr}-{seed}.jsonl", "ABSOLUTE/m-{lr}.jsonl"]
)
def test_losses_are_read_from_the_file(folder: Path, tmp_path: Path, path: str):
    """And not from the output, which still goes to the log; the pause comes at the step in the file."""
    path = path.replace("ABSOLUTE", str(tmp_path))
    source = CommandSource(command(path, 60, 0.005), metrics_file=path)
    run = source.start(Config(lr=0.5), 0, log=tmp_path / "log")
    progress = run.advance(20, 30.0)
    assert progress.status is Status.PAUSED
    assert 20 <= progress.step < 60
    seen = list(progress.points)
    progress, rest = to_the_end(run)
    assert progress.status is Status.ENDED
    assert seen + rest == [(step, "loss", 0.5 / step) for step in range(1, 61)]
    assert "working on 60 loss 99" in (tmp_path / "log").read_text()


def test_a_file_that_was_there_is_moved_aside(folder: Path):
    """An old file would be read as if this run had written it; it is renamed and never deleted."""
    old = write(folder / "m-0.5.jsonl", '{"step": 1, "loss": 77}\n')
    run = CommandSource(command("m-{lr}.jsonl"), metrics_file="m-{lr}.jsonl").start(Config(lr=0.5), 0)
    progress = run.advance(3, 10.0)
    assert progress.points[0] == (1, "loss", 0.5)
    assert any("was there already" in note for note in progress.notes)
    run.close()
    kept = list(folder.glob("m-0.5.jsonl.before-*"))
    assert [path.read_text() for path in kept] == ['{"step": 1, "loss": 77}\n']
    assert old.exists()


def test_one_file_name_for_all_runs(folder: Path, tmp_path: Path):
    """Each run gets a working folder of links, so two at once do not write into each other's file."""
    (folder / "data").mkdir()
    write(folder / "data" / "x.txt", "data")
    write(folder / "metrics.jsonl", "old and not to be touched")
    source = CommandSource(command("metrics.jsonl", 40, 0.005), metrics_file="metrics.jsonl")
    runs = {lr: source.start(Config(lr=lr), 0, log=tmp_path / f"{lr}.log") for lr in (0.5, 0.25)}
    for run in runs.values():
        assert run.advance(5, 30.0).status is Status.PAUSED
    work = tmp_path / "0.5" / "work"
    assert (work / "data" / "x.txt").read_text() == "data"
    assert (work / "train.py").resolve() == folder / "train.py"
    for lr, run in runs.items():
        _, points = to_the_end(run)
        assert points[-1] == (40, "loss", lr / 40)
    assert (folder / "metrics.jsonl").read_text() == "old and not to be touched"


def test_the_working_folder_of_links_is_told(folder: Path, tmp_path: Path):
    """A person should know that the program does not run where it seems to."""
    run = CommandSource(command("metrics.jsonl"), metrics_file="metrics.jsonl").start(
        Config(lr=0.5), 0, log=tmp_path / "log.log"
    )
    notes = run.advance(3, 10.0).notes
    assert any("working folder of its own" in note and "{out}" in note for note in notes)
    run.close()


def test_a_metrics_file_in_a_folder_of_the_project(folder: Path, tmp_path: Path):
    """The folder is made anew and empty: what numbers its versions starts from the same one in every run."""
    (folder / "logs").mkdir()
    write(folder / "logs" / "version_0", "earlier")
    path = "logs/m.jsonl"
    run = CommandSource(command(path), metrics_file=path).start(Config(lr=0.5), 0, log=tmp_path / "log.log")
    _, points = to_the_end(run)
    assert len(points) == 5
    assert sorted(p.name for p in (tmp_path / "log" / "work" / "logs").iterdir()) == ["m.jsonl"]
    assert sorted(p.name for p in (folder / "logs").iterdir()) == ["version_0"]


def test_links_do_not_go_round_in_circles(folder: Path):
    """Results usually lie below the working folder; a walk that follows links must end."""
    (folder / "results").mkdir()
    source = CommandSource(command("m.jsonl"), metrics_file="m.jsonl")
    to_the_end(source.start(Config(lr=0.5), 0, log=folder / "results" / "lr-0.5-seed-0.log"))
    assert not (folder / "results" / "lr-0.5-seed-0" / "work" / "results").exists()


@pytest.mark.parametrize("path", ["/tmp/metrics.csv", "../metrics.csv", "/tmp/m-{seed}.csv"])
def test_a_file_that_all_runs_would_share_is_refused(path: str):
    """Before anything is started, with the way out."""
    with pytest.raises(SourceError, match=r"put \{lr\} or \{out\} into its path"):
        CommandSource(["python", "-c", "pass", "{lr}"], metrics_file=path)


def test_two_seeds_that_would_share_a_file_are_refused(folder: Path):
    """`{lr}` alone does not tell two seeds apart while both are under way; one after the other is fine."""
    source = CommandSource(command("m-{lr}.jsonl", 100, 0.001), metrics_file="m-{lr}.jsonl")
    first, second = source.start(Config(lr=0.5), 0), source.start(Config(lr=0.5), 1)
    first.advance(3, 10.0)
    with pytest.raises(SourceError, match="the same metrics file"):
        second.advance(3, 10.0)
    first.close()
    second.close()
    third = source.start(Config(lr=0.5), 1)
    assert third.advance(3, 10.0).status is Status.PAUSED
    third.close()


def test_a_metrics_file_that_never_appears(folder: Path):
    """The program ended well and wrote elsewhere: the path that was looked at is named."""
    run = CommandSource(command("elsewhere-{lr}.jsonl"), metrics_file="m-{lr}.jsonl").start(Config(lr=0.5), 0)
    progress, _ = to_the_end(run)
    assert progress.status is Status.FAILED
    assert "never wrote m-0.5.jsonl" in str(progress.reason)
    assert str(folder / "m-0.5.jsonl") in str(progress.reason)


def test_a_run_folder_that_cannot_be_made(tmp_path: Path):
    """A file is where the folder should be: one sentence, and no program is started."""
    write(tmp_path / "file", "")
    run = CommandSource(["python", "-c", "pass", "{lr}", "{out}"]).start(
        Config(lr=0.1), 0, log=tmp_path / "file" / "run.log"
    )
    with pytest.raises(StoreError, match="cannot be made"):
        run.advance(1, 1.0)
    run.close()
