"""What a name means does not depend on how it is spelled."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.vocabulary import meaning, plain_words, same_name
from lrscope.vocabulary.terms import PHASES, TERMS

SEPARATORS = ("_", "-", "/", ".", " ", ":", "__", " - ")
LETTERS = [
    term.words for term in TERMS.values() if all(word.isalpha() and len(word) > 1 for word in term.words)
]

terms = st.sampled_from(LETTERS)
phases = st.sampled_from(sorted(word for word in PHASES if len(word) > 2))


@settings(deadline=None)  # a busy machine is no fault
@given(words=terms, one=st.sampled_from(SEPARATORS), other=st.sampled_from(SEPARATORS))
def test_what_stands_between_words_does_not_matter(words: tuple[str, ...], one: str, other: str):
    """Underscores, hyphens, slashes, dots and blanks are alike."""
    assert meaning(one.join(words)) == meaning(other.join(words))


@settings(deadline=None)  # a busy machine is no fault
@given(words=terms, phase=phases)
def test_case_does_not_matter(words: tuple[str, ...], phase: str):
    """Lower case, capitals, Title Case and camelCase are alike."""
    name = [phase, *words]
    plain = meaning("_".join(name))
    assert meaning("_".join(name).upper()) == plain
    assert meaning(" ".join(word.title() for word in name)) == plain
    assert meaning(phase + "".join(word.title() for word in words)) == plain


@settings(deadline=None)  # a busy machine is no fault
@given(words=terms, phase=phases, after=st.booleans())
def test_a_word_for_the_data_changes_the_phase_only(words: tuple[str, ...], phase: str, after: bool):
    """A metric of the validation set is of the same kind and direction as that of no set, before or behind."""
    name = "/".join([*words, phase] if after else [phase, *words])
    told, plain = meaning(name), meaning("/".join(words))
    if plain.kind.value in ("loss", "score", "diagnostic", "learning rate", "time"):
        assert (told.kind, told.goal, told.role) == (plain.kind, plain.goal, plain.role)
        assert told.phase == PHASES[phase][0]


@settings(deadline=None)  # a busy machine is no fault
@given(words=terms)
def test_words_written_in_one_are_found(words: tuple[str, ...]):
    """ "logloss" is "log loss", "crossentropy" is "cross entropy"."""
    assert meaning("".join(words)).goal == meaning("_".join(words)).goal


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(max_size=60))
def test_any_text_means_something(name: str):
    """No name raises; a direction goes with losses and scores, and with nothing else."""
    found = meaning(name)
    assert (found.goal is not None) == (found.kind.value in ("loss", "score"))
    assert all(word == word.lower() for word in plain_words(name))


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("elbo", "max"),
        ("-elbo", "min"),
        ("neg_elbo", "min"),
        ("negative_elbo", "min"),
        ("elbo_loss", "min"),
        ("negative_log_likelihood", "min"),
        ("neg_mean_squared_error", "max"),
        ("neg_log_loss", "max"),
        ("neg_loss", "min"),
        ("neg_acc", "max"),
    ],
)
def test_a_sign_turns_the_direction_where_it_is_a_sign(name: str, goal: str):
    """Minus an ELBO is a loss and minus an error a score; an accuracy on negative examples stays one."""
    assert meaning(name).goal == goal


def test_two_spellings_of_one_metric():
    """Case, blanks, `_`, `-` and `/` do not tell metrics apart; other words do."""
    assert same_name("Val Loss", "val/loss")
    assert not same_name("val_loss", "test_loss")
