"""From a name to what it means: its kind, which way is better, and which data it was measured on.

A name is read as its plain words (`words`). The longest terms of the table (`terms`) are found among them, words for
the data say the phase, and the rest describes: "box" in ``val/box_loss``. Of several terms the last one names the
thing (``reward_std``, ``loss_scale``), but a loss stays a loss whatever it is made of (``loss_iou``, ``dice_loss``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from lrscope.vocabulary import terms
from lrscope.vocabulary.counters import counter_kind, counts_training
from lrscope.vocabulary.kinds import Goal, Kind, Phase, Role, Term
from lrscope.vocabulary.words import plain_words, word_set


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name means.

    Parameters
    ----------
    kind : Kind
    goal : "min", "max" or None
        Which way is better; None where the name does not say.
    phase : "train", "validation", "test" or None
        The data it was measured on; None where the name does not say.
    role : Role
    part : bool
        One part of a loss (``box_loss``), where a whole one may be logged as well.
    summary : bool
        The best so far, or a value at the end.
    """

    kind: Kind
    goal: Goal | None = None
    phase: Phase | None = None
    role: Role = Role.WHOLE
    part: bool = False
    summary: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """A term, and where in the name it stands."""

    term: Term
    start: int
    stop: int


def _index() -> dict[str, list[tuple[tuple[str, ...], Term]]]:
    """Terms by their first word, longest first; each as it is written, and glued into one word."""
    spelled: dict[tuple[str, ...], Term] = {}
    for words, term in terms.TERMS.items():
        glued = "".join(words)
        if len(words) > 1 and glued.isalpha():
            spelled.setdefault((glued,), term)
    spelled |= terms.TERMS
    index: dict[str, list[tuple[tuple[str, ...], Term]]] = {}
    for words in sorted(spelled, key=len, reverse=True):
        index.setdefault(words[0], []).append((words, spelled[words]))
    return index


_INDEX = _index()
_PREFIXES = sorted((*terms.PHASES, *terms.AVERAGES), key=len, reverse=True)
_UNITS = word_set(
    """
    step steps token tokens word words sample samples batch frame frames epoch char character pixel item
    """
)


@lru_cache(maxsize=8192)
def meaning(name: str) -> Meaning:
    """What `name` means; of `Kind.UNKNOWN` where no word of it is known."""
    words = _apart(plain_words(name))
    found, rest = _find(words)
    phase = _phase(rest)
    counter = counter_kind(words)
    if counter is not None:
        return Meaning(counter, phase=phase)
    beside = [w for w in rest if w not in terms.PHASES and not w.isdigit()]
    summary = any(w in terms.SUMMARIES for w in beside)
    others = set(beside) - terms.AVERAGES - terms.SUMMARIES
    named = [f for f in found if f.term.words != ("losses",)]
    found = [f for f in found if not f.term.alone or not (others or len(named) > 1)]
    chosen = _head(found, words, beside)
    if chosen is None and counts_training(words):
        return Meaning(Kind.BOOKKEEPING, phase=phase, summary=summary)
    if chosen is None:
        return Meaning(Kind.UNKNOWN, phase=phase, summary=summary)
    if isinstance(chosen, Kind):
        return Meaning(chosen, phase=phase)
    term = chosen.term
    goal, kind, role = term.goal, term.kind, term.role
    if _negated(chosen, words):
        goal, kind = ("max", Kind.SCORE) if goal == "min" else ("min", Kind.LOSS)
    around = {*words[: chosen.start], *words[chosen.stop :]} - set(terms.PHASES) - terms.NEGATIONS
    if term.words[0] in terms.LOSS_WORDS and around & terms.GAME_WORDS:
        role = Role.GAME
    return Meaning(kind, goal, phase, role, bool(around - terms.WHOLES - terms.SUMMARIES), summary)


def _find(words: Sequence[str]) -> tuple[list[_Found], list[str]]:
    """The terms among the words, and the words that are in none."""
    found: list[_Found] = []
    rest: list[str] = []
    at = 0
    while at < len(words):
        if words[at] == "per" and at and at + 1 < len(words) and words[at + 1] in _UNITS:
            at += 2  # a loss per token is a loss
            continue
        for phrase, term in _INDEX.get(words[at], ()):
            if tuple(words[at : at + len(phrase)]) == phrase:
                found.append(_Found(term, at, at + len(phrase)))
                at += len(phrase)
                break
        else:
            rest.append(words[at])
            at += 1
    return found, rest


def _negated(found: _Found, words: Sequence[str]) -> bool:
    """Whether a word like "neg" before the term turns its direction round."""
    before = [w for w in words[: found.start] if w not in terms.AVERAGES]
    return bool(before) and before[-1] in terms.NEGATIONS and "_".join(found.term.words) in terms.NEGATED


def _phase(rest: Sequence[str]) -> Phase | None:
    """The first word for data that is not trained on; "train" only where there is none."""
    phases = [terms.PHASES[w][0] for w in rest if w in terms.PHASES]
    return next((p for p in phases if p != "train"), phases[0] if phases else None)


def _head(found: Sequence[_Found], words: Sequence[str], beside: Sequence[str]) -> _Found | Kind | None:
    """The term that names the thing, or the kind where something beside it decides; None for no known word."""
    if not found:
        return Kind.DIAGNOSTIC if len(words) > 1 and _spreads(words, beside) else None
    last = found[-1]
    quantities = [f for f in found if f.term.kind in (Kind.LOSS, Kind.SCORE)]
    if quantities and quantities[0].term.words == ("losses",) and not quantities[0].start and len(found) > 1:
        quantities = quantities[1:]  # a folder: losses/entropy
    if not quantities:
        return _of_rate(found, beside) or (Kind.DIAGNOSTIC if _spreads(words, beside) else last)
    chosen = _quantity(quantities)
    if chosen.term.role is Role.WEAK:
        clearer = [f for f in found if f.term.kind in (Kind.TIME, Kind.DIAGNOSTIC)]
        if clearer:
            return clearer[-1]
    score = chosen.term.kind is Kind.SCORE
    if any(score or at > chosen.start for at in _spreads(words, beside)):
        return Kind.DIAGNOSTIC
    measured = last.term.kind in (Kind.TIME, Kind.SETTING) or last.term.words[-1] in (
        "norm",
        "grad",
        "gradient",
    )
    if measured and last.start > chosen.start:
        return last.term.kind
    if terms.COMPARISONS & set(words[chosen.stop :]):
        return Kind.DIAGNOSTIC
    after = terms.SETTING_AFTER - terms.COEFFICIENTS if score else terms.SETTING_AFTER
    before = terms.COUNTS if score else terms.SETTING_BEFORE
    if after & set(words[chosen.stop :]) or before & set(words[: chosen.start]):
        return Kind.SETTING
    return chosen


def _quantity(quantities: Sequence[_Found]) -> _Found:
    """Of several losses and scores the one that names the thing.

    A top-1 accuracy, then whatever is called a loss, then the last; weak words ("score") only if there is no other.
    """
    tops = [f for f in quantities if f.term.words[0] == "top"]
    losses = [f for f in quantities if terms.LOSS_WORDS & set(f.term.words)]
    clear = [f for f in quantities if f.term.role is not Role.WEAK]
    return (tops or losses or clear or list(quantities))[-1]


def _of_rate(found: Sequence[_Found], beside: Sequence[str]) -> _Found | Kind | None:
    """A learning rate; a setting where it is a factor or a bound of one, or what a part of its name sets."""
    rates = [f for f in found if f.term.kind is Kind.RATE]
    if not rates or found[-1].term.kind is Kind.SETTING:
        return None
    return Kind.SETTING if terms.RATE_MODIFIERS & set(beside) else rates[-1]


def _spreads(words: Sequence[str], beside: Sequence[str]) -> list[int]:
    """Where words for scatter stand: a standard deviation has no better side."""
    single = [i for i, word in enumerate(words) if word in terms.SPREADS and word in beside]
    return single + [i for i, pair in enumerate(pairwise(words)) if " ".join(pair) in terms.SPREADS]


@lru_cache(maxsize=8192)
def _apart(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words written in one, taken apart where both halves are known: "valloss", "testacc", "bceloss"."""
    apart: list[str] = []
    for word in words:
        apart += _halves(word)
    return tuple(apart)


def _halves(word: str) -> list[str]:
    if word in _INDEX or word in terms.PHASES or word.isdigit():
        return [word]
    for phase in _PREFIXES:
        rest = word.removeprefix(phase)
        if rest != word and rest in _INDEX and len(rest) > 2:
            return [phase, rest]
    for loss in terms.LOSS_WORDS:
        if word.endswith(loss):
            return [word.removesuffix(loss), loss]
    return [word]
