"""Configurations: what tells one run from another."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.config import Config, RunKey, at_rate, number_text, run_name, value_text
from lrscope.errors import UsageError

NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
VALUES = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(10**9), 10**9)
    | st.booleans()
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
)
CONFIGS = st.dictionaries(NAMES, VALUES, max_size=4).map(Config)


@given(CONFIGS)
def test_a_configuration_survives_being_written_and_sent(config):
    """As JSON and between processes, with no digit lost and no type changed."""
    for again in (Config.from_json(config.to_json()), pickle.loads(pickle.dumps(config))):
        assert again == config
        assert hash(again) == hash(config)
        assert [type(v) for v in again.values()] == [type(v) for v in config.values()]


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_the_order_in_which_names_are_given_does_not_matter(values):
    """Equal configurations are equal texts, so that a store can tell runs by them."""
    turned = Config(dict(reversed(values.items())))
    assert Config(values) == turned
    assert Config(values).to_json() == turned.to_json()


def test_runs_are_ordered_by_rate_then_seed():
    """Along one line, whatever else their configurations share."""
    keys = [RunKey(Config(lr=lr, batch_size=32), seed) for lr in (10.0, 1e-5, 0.1) for seed in (1, 0)]
    assert [(key.lr, key.seed) for key in sorted(keys)] == [
        (1e-5, 0), (1e-5, 1), (0.1, 0), (0.1, 1), (10.0, 0), (10.0, 1),
    ]  # fmt: skip


def test_numbers_of_other_libraries_are_taken_for_what_they_are():
    """A NumPy scalar is the number it holds."""
    config = Config(lr=np.float32(0.5), batch_size=np.int64(32))
    assert config == Config(lr=0.5, batch_size=32)
    assert type(config["batch_size"]) is int


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("lr", math.nan, "must be a finite number, not nan"),
        ("lr", math.inf, "must be a finite number, not inf"),
        ("layers", [64, 64], "must be a number, a text or true or false.*not list"),
        ("model", "a\0b", "holds a NUL"),
        ("model", "\ud800", "cannot be encoded"),
        ("batch size", 32, "named like a Python variable"),
    ],
)
def test_what_cannot_be_written_down_is_refused(name, value, said):
    """In one sentence that says which hyperparameter and why."""
    with pytest.raises(UsageError, match=said) as raised:
        Config({name: value})
    assert "\n" not in raised.value.message


def test_hyperparameters_are_told_to_programs_as_they_read_them():
    """Plain decimals for numbers, JSON's words for truth values."""
    assert [value_text(v) for v in (1e-5, 32, True, False, "adam")] == [
        "0.00001",
        "32",
        "true",
        "false",
        "adam",
    ]
    assert float(number_text(1.2345e-5)) == 1.2345e-5


def test_a_run_has_a_name_for_its_files():
    """Rate and seed, and whatever else it is given; nothing that a file name cannot hold."""
    assert run_name(at_rate(1e-5, 3)) == "lr-0.00001-seed-3"
    assert run_name(RunKey(Config(lr=0.1, model="a/b c"), 0)) == "lr-0.1-model-a_b_c-seed-0"
