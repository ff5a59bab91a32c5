"""A scan of lrscope itself (`scan.sqlite`): one run for each configuration and seed.

Read here by its tables and not through the store, because curves come before training in this house.
"""

from __future__ import annotations

import math
from pathlib import Path

from lrscope.config import Config, RunKey
from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.database import MAGIC, Database
from lrscope.readers.files import Sample
from lrscope.readers.points import PointCollector

APPLICATION_ID = 0x6C72_7363  # "lrsc", in SQLite's header (bytes 68 to 71)


class LrscopeScan(Reader):
    """The runs of a scan, whatever state they are in."""

    name = "lrscope"
    title = "lrscope scan"
    certain = True

    def recognises(self, sample: Sample) -> bool:
        return sample.head.startswith(MAGIC) and sample.head[68:72] == APPLICATION_ID.to_bytes(4, "big")

    def read(self, path: Path, name: str) -> list[LoggedRun]:  # noqa: ARG002 (the runs have names)
        with Database(path) as database:
            if not database.has("points", "run", "metric", "step", "value"):
                raise Unreadable("it has no table of points")
            points = PointCollector()
            metrics = dict(database.rows("metrics", ["id", "name"]))
            for run, metric, step, value in database.rows("points", ["run", "metric", "step", "value"]):
                points.add(run, metrics.get(metric), step, math.nan if value is None else value)
            first = database.has("runs", "id", "lr", "seed")  # schema 1 told runs by their rate alone
            runs = []
            for run, told, seed in database.rows("runs", ["id", "lr" if first else "config", "seed"]):
                try:
                    config = Config(lr=told) if first else Config.from_json(told)
                except (TypeError, ValueError):
                    continue  # damaged: the points are still there
                points.parameter(run, "lr", config.get("lr"))
                runs.append((run, config, seed))
            same = (
                set.intersection(*(set(config.items()) for _, config, _ in runs)) if len(runs) > 1 else set()
            )
            for run, config, seed in runs:  # named by what tells it from the others
                own = {
                    name: value for name, value in config.items() if name == "lr" or (name, value) not in same
                }
                points.call(run, str(RunKey(Config(own), seed)))
            return points.runs(self.name, path, database.lost)
