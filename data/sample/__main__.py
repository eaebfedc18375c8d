"""The command that writes the sample and names its files."""

import argparse
import sys
from datetime import date
from pathlib import Path

from data import sample
from data.sample.stories import LAST_DAY


def main() -> None:
    """Write the sample that the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="python -m data.sample", description=sample.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of the extracts")
    parser.add_argument("--events", type=int, default=sample.EVENTS)
    parser.add_argument("--last-day", type=date.fromisoformat, default=LAST_DAY)
    parser.add_argument("--seed", type=int, default=sample.SEED)
    arguments = parser.parse_args()
    for path in sample.write(arguments.folder, arguments.events, arguments.last_day, arguments.seed):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
