"""How long `lrscope --help` takes beyond a bare interpreter.

    python benchmarks/startup.py [--repeats 15]

The commands alternate; each figure is the median.
"""

import argparse
import statistics
import subprocess
import sys
import time

from table import show

COMMANDS = {
    "bare interpreter": ["-c", "pass"],
    "import lrscope": ["-c", "import lrscope"],
    "lrscope --help": ["-m", "lrscope", "--help"],
    "lrscope scan --help": ["-m", "lrscope", "scan", "--help"],
    "import numpy (for comparison)": ["-c", "import numpy"],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=15)
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(parser.parse_args().repeats):
        for name, words in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    bare = median["bare interpreter"]
    show(
        "startup",
        ["", "seconds", "beyond bare"],
        [[name, value, value - bare] for name, value in median.items()],
        seconds=median,
        help_beyond_bare=median["lrscope --help"] - bare,
    )


if __name__ == "__main__":
    main()
