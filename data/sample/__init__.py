"""The sample extracts: synthetic events of twenty stores, with stories to find in them.

Nothing here was measured anywhere. Every file says so: `synthetic` in its name and in its parquet metadata.

    uv run python -m data.sample extracts --events 60000

One truth is drawn month by month, and an extract is the truth as it was known at the moment of the export: what had not
happened yet is empty, and `updated_at` is the last thing that had happened. So a later extract of the same event is a newer
version of it, and an unchanged event is an exact copy.

Columns left out on purpose, so that a page can say "not measured": resolved_first_contact, agreement_met, satisfaction_scale.
"""

import shutil
from datetime import date
from pathlib import Path

from data.sample.columns import SOURCE
from data.sample.extracts import write_all
from data.sample.plan import drawn_plan
from data.sample.stories import LAST_DAY

EVENTS = 300_000
SEED = 20261101


def write(extracts: Path, events: int = EVENTS, last_day: date = LAST_DAY, seed: int = SEED) -> list[Path]:
    """Write the sample to the folder `synthetic_sample` of `extracts`, in place of an earlier one.

    The same bytes for the same arguments and library versions. A new `extracts` appears when all of it is written.
    """
    building = extracts if extracts.exists() else extracts.with_name(f"{extracts.name}.building")
    if building != extracts:
        shutil.rmtree(building, ignore_errors=True)
    folder = building / SOURCE
    folder.mkdir(parents=True, exist_ok=True)
    for earlier in folder.glob("synthetic_*.parquet"):
        earlier.unlink()
    written = write_all(drawn_plan(events, last_day, seed), folder)
    if building != extracts:
        building.rename(extracts)
    return [extracts / path.relative_to(building) for path in written]
