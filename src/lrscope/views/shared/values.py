"""Results as JSON values. Strict JSON knows no NaN and no Infinity: null stands where a number is not finite."""

from __future__ import annotations

import json
import math
from typing import Any


def strict(value: Any) -> Any:
    """Any value as strict JSON: tuples become lists, keys text, numbers that are not finite null, and what JSON does
    not know text."""
    if isinstance(value, dict):
        return {str(k): strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [strict(v) for v in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else None


def dumps(document: dict[str, Any]) -> str:
    """A document as text: UTF-8 characters kept, two spaces of indent, never NaN or Infinity."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def short(values: Any) -> list[float | None]:
    """Numbers to five significant digits, enough for any picture; null where they are not finite."""
    return [float(f"{v:.5g}") if math.isfinite(v) else None for v in values]
