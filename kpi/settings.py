"""All that the owner of the figures decides, read together from the data folder."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kpi import calendar, definitions, phases, targets
from kpi.calendar import Calendar
from kpi.configuration import content
from kpi.definitions import Definitions
from kpi.phases import Phases
from kpi.targets import Target


@dataclass(frozen=True)
class Settings:
    """`digest` changes when any of the files does."""

    definitions: Definitions
    calendar: Calendar
    targets: tuple[Target, ...]
    phases: Phases
    digest: str


def read_settings(folder: Path) -> Settings:
    """The settings of a data folder; what is not set has the documented default."""
    files = [folder / name for name in (definitions.FILE, calendar.FILE, targets.FILE, phases.FILE)]
    digest = sha256(b"\0".join(content(file) for file in files)).hexdigest()
    return Settings(
        definitions=definitions.read_definitions(folder),
        calendar=calendar.read_calendar(folder),
        targets=targets.read_targets(folder),
        phases=phases.read_phases(folder),
        digest=digest,
    )
