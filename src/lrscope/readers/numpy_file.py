"""Arrays that NumPy saved: ``.npy`` and ``.npz``. Pickles are refused: opening one can run any code."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.files import MOST_BYTES, Sample, open_regular
from lrscope.readers.json_file import runs_from_document

_PICKLED = (
    "it holds pickled Python objects, which are not opened, because that can run code; save numbers instead, "
    "for example with json.dump(history.history, file)"
)
MOST_ARRAY_COLUMNS = 1_000


class NumpyFile(Reader):
    """One array: losses, or columns with the steps first; or several by name."""

    name = "numpy"
    title = "NumPy"
    certain = True

    def recognises(self, sample: Sample) -> bool:
        zipped = sample.head.startswith(b"PK\x03\x04") and sample.path.suffix.lower() == ".npz"
        return zipped or sample.head.startswith(b"\x93NUMPY")

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        try:
            with open_regular(path) as file:
                loaded = np.load(file, allow_pickle=False)
                arrays = {"loss": loaded} if isinstance(loaded, np.ndarray) else _members(loaded)
        except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise Unreadable(
                _PICKLED if "allow_pickle" in str(error) else f"it is damaged: {error}"
            ) from error
        columns: dict[str, list[float]] = {}
        for key, array in arrays.items():
            columns |= _columns(key, array)
        return runs_from_document(columns, name, self.name, path)


class Pickled(Reader):
    """Recognised only to say why it is not read."""

    name = "pickle"
    title = "pickle"
    certain = True

    def recognises(self, sample: Sample) -> bool:
        return sample.head[:1] == b"\x80" and sample.head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")

    def read(self, path: Path, name: str) -> list[LoggedRun]:  # noqa: ARG002
        raise Unreadable(_PICKLED)


def _members(archive: np.lib.npyio.NpzFile) -> dict[str, NDArray[np.generic]]:
    if archive.zip is not None and sum(int(info.file_size) for info in archive.zip.infolist()) > MOST_BYTES:
        raise Unreadable(f"it holds more than {MOST_BYTES >> 20} MiB")
    return {key: archive[key] for key in archive.files}


def _columns(name: str, array: NDArray[np.generic]) -> dict[str, list[float]]:
    """The columns of an array of numbers of shape (n,) or (n, k); none of any other."""
    if array.dtype.kind not in "fiu" or array.ndim not in (1, 2):
        return {}
    values = array.astype(np.float64)
    if values.ndim == 1:
        return {name: values.tolist()}
    width = values.shape[1]
    if not 0 < width <= MOST_ARRAY_COLUMNS:
        return {}
    first = values[:, 0]
    counts = (
        width > 1 and first.size > 1 and bool(np.all(np.diff(first) > 0) and np.all(first == np.floor(first)))
    )
    found = {"step": first.tolist()} if counts else {}
    rest = range(int(counts), width)
    return found | {name if len(rest) == 1 else f"{name} {k + 1}": values[:, k].tolist() for k in rest}
