"""From a command as the user typed it to the command of one run: `{lr}`, `{seed}`, `{out}` and others filled in."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lrscope.errors import SourceError
from lrscope.vocabulary import RATE_OPTIONS

_PLACEHOLDER = re.compile(r"\{([^\W\d]\w*)\}")
_WHOLE_WORD = re.compile(r"(?:[^={}]*=)?\{([^\W\d]\w*)\}")
_OWN_PLACEHOLDERS = ("seed", "out")
_RATE_NAME = "(?:" + "|".join("[-_ ]?".join(option.split()) for option in RATE_OPTIONS) + ")"
_RATE_OPTION = re.compile(rf"--?{_RATE_NAME}", re.IGNORECASE)
_RATE_WORD = re.compile(rf"((?:.*[^a-z])?{_RATE_NAME}[=:])([-+.\deE]+)", re.IGNORECASE)
_MISSPELT_RATE = re.compile(
    rf"\{{\{{?\s*{_RATE_NAME}\s*\}}?\}}|\$\{{?{_RATE_NAME}\}}?|<{_RATE_NAME}>", re.IGNORECASE
)


def uses(name: str, *words: str) -> bool:
    """Whether placeholder `name` stands in one of the words."""
    return any(match[1] == name for word in words for match in _PLACEHOLDER.finditer(word))


def fill(word: str, values: Mapping[str, str]) -> str:
    """The word with its placeholders filled in. All other braces stay as they are: JSON passes through."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), word)


def check_places(arguments: Sequence[str], parameters: Sequence[str]) -> None:
    """Raise SourceError where a hyperparameter has no place in the command, or a place no hyperparameter.

    Only a word that is nothing but a placeholder (``{steps}``, ``--steps={steps}``) is taken for one that was meant:
    braces inside longer words belong to the program (``{epoch}-{val_loss}``).
    """
    if "lr" in parameters:
        check_rate(arguments)
    for name in parameters:
        if not uses(name, *arguments):
            raise SourceError(
                f"The command has no {{{name}}}, so {name} would not reach the program: put {{{name}}} where its value "
                f"belongs, or leave {name} out."
            )
    for word in arguments:
        meant = _WHOLE_WORD.fullmatch(word)
        if meant and meant[1] not in (*parameters, *_OWN_PLACEHOLDERS):
            known = ", ".join(f"{{{name}}}" for name in (*parameters, *_OWN_PLACEHOLDERS))
            raise SourceError(
                f"The command has {{{meant[1]}}}, which has no value: give one with --param {meant[1]}=…, or write it "
                f"out. Known here are {known}."
            )


def check_rate(arguments: Sequence[str]) -> None:
    """Raise SourceError where the command has no place for the learning rate; say where it could be."""
    if uses("lr", *arguments):
        return
    almost = next((match[0] for word in arguments if (match := _MISSPELT_RATE.search(word))), None)
    better = list(arguments)
    for i, word in enumerate(arguments):
        if almost and almost in word:
            better[i] = word.replace(almost, "{lr}")
            break
        if match := _RATE_WORD.fullmatch(word):
            better[i] = match[1] + "{lr}"
            break
        if _RATE_OPTION.fullmatch(word) and i + 1 < len(arguments):
            better[i + 1] = "{lr}"
            break
    else:
        better += ["--lr", "{lr}"]
    raise SourceError(
        "The command has no {lr}, so the learning rate would not reach the program; put {lr} where the "
        f"learning rate belongs, for instance: lrscope scan -- {shown(better)}"
    )


def check_program(arguments: Sequence[str], cwd: Path) -> None:
    """Raise SourceError where the program to start cannot be found or is none."""
    if not arguments or not arguments[0].strip():
        raise SourceError(
            "There is no program to run; write for instance: lrscope scan -- python train.py --lr {lr}"
        )
    program = arguments[0]
    path = cwd / program
    rest = shown(arguments[1:])
    one_word = " " in program.strip() and not path.exists() and not program.startswith("/")
    if not one_word and (_PLACEHOLDER.search(program) or ("/" not in program and shutil.which(program))):
        return
    if one_word:
        words = program.split()
        raise SourceError(
            f"The whole command was given as one word, {program!r}; leave out the quotes around it: "
            f"lrscope scan -- {shown([*words, *arguments[1:]])}"
        )
    if path.is_dir() and "/" in program:
        raise SourceError(f"{program!r} is a folder, not a program.")
    if path.is_file():
        if "/" in program and shutil.which(str(path)):
            return
        if path.suffix == ".py":
            raise SourceError(
                f"{program!r} is a Python file and not a program that can be started by itself; "
                f"write: lrscope scan -- python {shlex.quote(program)} {rest}".rstrip()
            )
        if "/" not in program:
            raise SourceError(
                f"The program {program!r} was not found on the PATH; to run the file of that name in this "
                f"folder, write ./{program}."
            )
        raise SourceError(
            f"The file {program!r} is not executable; put the program that runs it in front (such as sh "
            f"{shlex.quote(program)}), or make it executable with chmod +x."
        )
    if "/" in program:
        raise SourceError(f"The program {program!r} does not exist (looked for it in {cwd}).")
    hint = ""
    if program == "python" and shutil.which("python3"):
        hint = " It is called python3 here."
    raise SourceError(f"The program {program!r} was not found on the PATH; check its spelling.{hint}")


def command_name(arguments: Sequence[str]) -> str:
    """A short name for people and folders: the script's, the module's, or the program's."""
    for before, word in zip(("", *arguments), arguments, strict=False):
        if before == "-m" and not word.startswith("-"):
            name = word.rpartition(".")[2]
            break
        if Path(word).suffix in (".py", ".sh", ".R", ".jl", ".pl", ".rb", ".lua") and not word.startswith(
            "-"
        ):
            name = Path(word).stem
            break
    else:
        name = Path(arguments[0]).stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", _PLACEHOLDER.sub("", name)).strip("-.") or "command"


def shown(arguments: Sequence[str]) -> str:
    """Arguments as one would type them; placeholders are left readable."""
    return " ".join(
        word if re.fullmatch(r"[\w@%+=:,./{}-]+", word) else shlex.quote(word) for word in arguments
    )
