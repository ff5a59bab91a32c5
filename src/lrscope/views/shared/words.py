"""How any text is made fit to be shown."""

from __future__ import annotations

_PLAIN = str.maketrans("–—−×·…’‘“”≤●○◆━─│┤└┊▲▼", "---x..''\"\"<o.#=-||+:^v")


def one_line(text: str) -> str:
    """Text from outside as one line without control characters, which could steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def encodable(text: str, encoding: str) -> str:
    """`text` with plain characters in place of those that `encoding` cannot hold."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
    except LookupError:
        return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
    return text


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them an ellipsis where some were cut off."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
