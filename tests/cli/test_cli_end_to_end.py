"""The command as a person meets it: real scans, and real mistakes."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import lrscope

BOWL = """
import os


def train(lr, seed):
    x = 10.0
    for _ in range(64):
        x -= lr * 2 * x
        yield {"loss": x * x}


def noisy(lr, seed):
    print("printed")
    os.write(1, b"written")
    yield from train(lr, seed)


def raises(lr, seed):
    raise RuntimeError("no data")
    yield 1.0


def nothing(lr):
    pass


def text(lr, seed):
    yield "low"


def many(lr, seed):
    yield [0.1, 0.2]


def complex_numbers(lr, seed):
    yield 1 + 2j


def nan(lr, seed):
    for _ in range(64):
        yield float("nan")


def same(lr, seed):
    for k in range(64):
        yield 1.0 / (k + 1)
"""
SMALL = ["--low", "1e-3", "--high", "1", "--per-decade", "2"]
READS = "import sys; lr = float(sys.argv[1])\n"


class Run:
    """What one call of the command did."""

    def __init__(self, folder: Path, *words: str, **options: object) -> None:
        env = {**os.environ, "PYTHONPATH": str(Path(lrscope.__file__).parents[1]), "COLUMNS": "100"}
        command = [sys.executable, "-m", "lrscope", *words]
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, **options
        )
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr


@pytest.fixture
def place(tmp_path):
    """A folder with a file of small functions."""
    (tmp_path / "bowl.py").write_text(BOWL)
    return tmp_path


def program(folder: Path, code: str) -> list[str]:
    """`-- python train.py {lr}` for a program of this code."""
    (folder / "train.py").write_text(READS + textwrap.dedent(code))
    return ["--", sys.executable, "train.py", "{lr}"]


def test_the_answer_comes_first_and_the_report_last(place):
    """A scan in text begins with the learning rate and ends with the path of the report, which is there."""
    run = Run(place, "scan", *SMALL, "bowl.py:train")
    assert run.status == 0, run.err
    assert run.out.startswith("Learning rate ")
    page = run.out.strip().splitlines()[-1].removeprefix("Report: ")
    assert page == "lrscope-out/bowl-train/report.html"
    assert "<html" in (place / page).read_text("utf-8")
    assert "Traceback" not in run.err


def test_json_is_one_document_whatever_is_printed(place):
    """With --json standard output is one JSON document, although the function prints, to its stream and past it."""
    run = Run(place, "scan", *SMALL, "--json", "bowl.py:noisy")
    assert run.status == 0, run.err
    document = json.loads(run.out)
    assert document["schema"] == "lrscope.scan/1"
    assert document["metric"] == "loss"
    assert 0.1 < document["recommendation"]["lr"] < 1
    assert "printed" in run.err
    assert "written" in run.err


@pytest.mark.slow
def test_json_stays_clean_with_worker_processes(place):
    """What worker processes print does not reach standard output either."""
    run = Run(place, "scan", *SMALL, "--json", "--jobs", "2", "bowl.py:noisy")
    assert run.status == 0, run.err
    assert json.loads(run.out)["metric"] == "loss"


def test_the_same_command_again_repeats_nothing(place):
    """A second time nothing is trained: the same answer at the same price."""
    first = json.loads(Run(place, "scan", *SMALL, "--json", "bowl.py:train").out)
    second = json.loads(Run(place, "scan", *SMALL, "--json", "bowl.py:train").out)
    assert second["recommendation"] == first["recommendation"]
    assert second["cost"]["steps"] == first["cost"]["steps"]


def test_report_shows_the_scan_again(place):
    """`lrscope report` says what the scan said: the same text, the same JSON, the page where it was asked for."""
    said = Run(place, "scan", *SMALL, "bowl.py:train").out
    again = Run(place, "report", "lrscope-out/bowl-train", "-o", "page.html")
    assert again.status == 0, again.err
    answer = said.rpartition("Report: ")[0].rstrip()
    assert again.out.startswith(answer)
    assert (place / "page.html").exists()
    document = json.loads(Run(place, "report", "lrscope-out/bowl-train", "--json").out)
    assert document["schema"] == "lrscope.scan/1"


def test_fresh_moves_aside_and_deletes_nothing(place):
    """--fresh starts over; the file of the first scan is still there under another name."""
    Run(place, "scan", *SMALL, "bowl.py:train")
    before = {p.read_bytes()[:16] for p in place.rglob("*.sqlite")}
    run = Run(place, "scan", *SMALL, "--fresh", "bowl.py:train")
    assert run.status == 0, run.err
    assert before
    assert len([p for p in place.rglob("*.sqlite*") if p.stat().st_size > 4096]) == 2


def test_a_figure_is_drawn_where_it_is_asked_for(place):
    """--plot writes a picture beside the answer."""
    pytest.importorskip("matplotlib")
    run = Run(place, "scan", *SMALL, "--plot", "scan.png", "bowl.py:train")
    assert run.status == 0, run.err
    assert (place / "scan.png").read_bytes().startswith(b"\x89PNG")
    assert "Written: scan.png" in run.out


def test_a_program_is_scanned(place):
    """A program that prints its loss is scanned like a function, each run's output kept in a file."""
    words = program(
        place,
        """
        x = 10.0
        for k in range(1, 65):
            x -= lr * 2 * x
            print(f"step {k}/64 loss {x * x:.6g}")
        """,
    )
    run = Run(place, "scan", *SMALL, "--json", *words)
    assert run.status == 0, run.err
    assert 0.1 < json.loads(run.out)["recommendation"]["lr"] < 1
    folder = next((place / "lrscope-out").iterdir())
    assert folder.name.startswith("train-")
    assert list(folder.glob("logs/*.log"))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nofile.py:train"], 2, "nofile.py"),
        (["bowl.py:nofunction"], 2, "nofunction"),
        (["no.such.module:train"], 2, "no module"),
        (["broken.py:train"], 2, "broken.py"),
        (["bowl.py:raises"], 3, "no data"),
        (["bowl.py:nothing"], 2, "nothing"),
        (["bowl.py:text"], 2, "low"),
        (["bowl.py:many"], 2, "many"),
        (["bowl.py:complex_numbers"], 2, "complex"),
        (["--low", "1", "--high", "0.1", "bowl.py:train"], 2, "low"),
        (["--low", "0", "bowl.py:train"], 2, "low"),
        (["--low", "-1", "bowl.py:train"], 2, "low"),
        (["--budget", "0.01", "--steps", "64", "bowl.py:train"], 2, "budget"),
        (["--steps", "0", "bowl.py:train"], 2, "steps"),
        (["--jobs", "0", "bowl.py:train"], 2, "jobs"),
        (["--seeds", "0", "bowl.py:train"], 2, "seed"),
        (["--pattern", "(", "--", "true", "{lr}"], 2, "pattern"),
        (["--", "true"], 2, "{lr}"),
        (["--", "no-such-program", "{lr}"], 2, "no-such-program"),
    ],
)
def test_a_mistake_is_one_clear_sentence(place, words, status, said):
    """Each mistake has its status, names what was wrong, and shows no traceback; standard output stays empty."""
    (place / "broken.py").write_text("def train(lr, seed:\n")
    run = Run(place, "scan", *words)
    assert run.status == status, run.err
    assert run.out == ""
    assert said in run.err
    assert "Traceback" not in run.err
    assert "lrscope itself" not in run.err


def test_debug_names_the_line_of_the_users_code(place):
    """With --debug the user's own traceback is shown, and nothing of ours."""
    run = Run(place, "scan", "--debug", "bowl.py:raises")
    assert 'raise RuntimeError("no data")' in run.err
    assert "lrscope/search" not in run.err


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit('the data is missing')", "the data is missing"),
        ("print('hello')", ""),
        ("for k in range(20): print(f'step {k} loss nan')", ""),
    ],
)
def test_a_program_of_which_nothing_can_be_said(place, code, said):
    """A program that exits at once, prints no number, or nothing but NaN: status 3, and its last words."""
    run = Run(place, "scan", *SMALL, *program(place, code))
    assert run.status == 3, run.err
    assert said in run.out + run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("function", ["nan", "same"])
def test_a_function_of_which_nothing_can_be_said(place, function):
    """Nothing but NaN, or the same curve at every rate: status 3 and a reason, as text and as JSON."""
    run = Run(place, "scan", *SMALL, f"bowl.py:{function}")
    assert run.status == 3, run.err
    document = json.loads(Run(place, "report", f"lrscope-out/bowl-{function}", "--json").out)
    assert document["recommendation"] is None
    assert document["reason"]


def test_a_folder_with_other_settings_is_refused(place):
    """A scan does not mix with one of another range: status 2, and the way out is named."""
    Run(place, "scan", *SMALL, "bowl.py:train")
    run = Run(place, "scan", "--low", "1e-2", "bowl.py:train")
    assert run.status == 2
    assert "--fresh" in run.err or "--out" in run.err


def test_a_foreign_file_is_left_alone(place):
    """A file that is no scan is refused, by scan and by report, and not touched."""
    folder = place / "mine"
    folder.mkdir()
    (folder / "scan.sqlite").write_text("my diary")
    for words in (["scan", "--out", "mine", "bowl.py:train"], ["report", "mine"]):
        run = Run(place, *words)
        assert run.status in (1, 2), run.err
        assert "scan.sqlite" in run.err
        assert "Traceback" not in run.err
    assert (folder / "scan.sqlite").read_text() == "my diary"


def test_a_scan_that_is_not_there_is_said(place):
    """`lrscope report` of nothing is wrong use, and makes no folder."""
    run = Run(place, "report", "nowhere")
    assert run.status in (1, 2)
    assert "nowhere" in run.err
    assert not (place / "nowhere").exists()


def test_a_place_that_cannot_be_written_is_said(place):
    """Where no folder can be made, nothing is trained: status 1, and the place is named."""
    (place / "file").write_text("a file, not a folder")
    run = Run(place, "scan", *SMALL, "--out", "file/scan", "bowl.py:noisy")
    assert run.status == 1
    assert "file/scan" in run.err
    assert "printed" not in run.err
    assert "Traceback" not in run.err
