"""A name in plain words, however a program spells it.

>>> plain_words("Validation-Loss"), plain_words("valLoss"), plain_words("metrics/mAP50-95(B)")
(('validation', 'loss'), ('val', 'loss'), ('metrics', 'm', 'ap', '50', '95', 'b'))
"""

from __future__ import annotations

import re
from functools import lru_cache

_POSSESSIVE = re.compile(r"['’]s\b")
_PLURAL = re.compile(r"(?<![A-Za-z])([A-Z]{2,}s|AP[sml])(?![a-z])")
"""Capitals with an ending that is none of a new word: AUCs, APs."""

_IOU = re.compile(r"(?<![A-Za-z])io_u(?![A-Za-z])|IoU", re.IGNORECASE)  # Keras writes mean_io_u
_PARAMETERS = re.compile(r":\w+=.*$")  # CatBoost: PRAUC:type=Classic
_SHORT = {"trl": "train loss", "tel": "test loss", "vloss": "val loss", "tloss": "train loss"}
"""Names that are short for several words, as llm.c prints them."""
_BOUNDARY = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])"
)
_PART = re.compile(r"[^\W_]+|#")


@lru_cache(maxsize=8192)
def plain_words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: cut at signs, at capitals, and between letters and digits.

    A minus before the name is the word "minus": ``-elbo`` is not an ELBO.
    """
    text = name.strip()
    minus = ("minus",) if re.match(r"[-−][A-Za-z]", text) else ()
    text = _SHORT.get(text.lower(), text)
    text = _PARAMETERS.sub("", _POSSESSIVE.sub("", text))
    text = _PLURAL.sub(lambda match: match[0].lower(), text)
    text = _IOU.sub(lambda match: "Iou" if match[0] == "IoU" else match[0].replace("_", ""), text)
    return minus + tuple(part.lower() for part in _PART.findall(_BOUNDARY.sub(" ", text)))


def word_set(text: str) -> frozenset[str]:
    """A set of words, written as text."""
    return frozenset(text.split())


def same_name(a: str, b: str) -> bool:
    """Whether two spellings mean one metric: case, blanks, `_`, `-` and `/` do not matter."""
    return _plain(a) == _plain(b)


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    return re.sub(r"[\s_\-/]+", "_", name.strip().lower())
