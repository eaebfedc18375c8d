"""What there is to find in the sample, and when it begins."""

from dataclasses import dataclass
from datetime import date, timedelta

LAST_DAY = date(2026, 10, 31)
SILENT_HOURS = 30
WAVE_DAYS = 10
REEXPORTED_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class Story:
    """Something to find in the sample. It begins `days_before_end` days before the last day."""

    name: str
    where: str
    days_before_end: int
    what: str

    def begins_on(self, last_day: date = LAST_DAY) -> date:
        return last_day - timedelta(days=self.days_before_end)


SLOW_STORE = Story(
    name="slow store",
    where="store S014, mostly chat",
    days_before_end=35,
    what="Waits grow week by week: on chat about three times as long in the last weeks, elsewhere only a little longer.",
)
NEW_PROCEDURE = Story(
    name="new procedure",
    where="service returns, region East",
    days_before_end=124,
    what="First-contact resolution rises from about 85 % to about 96 % from one day to the next: a new phase.",
)
SILENT_STORE = Story(
    name="silent store",
    where="store S007",
    days_before_end=1,
    what=f"No event and no change for the last {SILENT_HOURS} hours: its data has stopped, its service need not have.",
)
SURVEY_WAVE = Story(
    name="survey wave",
    where="all stores",
    days_before_end=70,
    what="For ten days twice as many answers as usual, with slightly lower scores.",
)
OPEN_EVENTS = Story(
    name="open events",
    where="all stores, mostly email",
    days_before_end=2,
    what="A part of the last days is not answered or not resolved yet, and a few older events are open too.",
)
REEXPORTS = Story(
    name="re-exports",
    where="files synthetic_reexport_*",
    days_before_end=2,
    what="The last seven days were exported three more times: many exact copies and some newer versions of the same events.",
)
CORRECTION = Story(
    name="correction",
    where="store S003, costs of one day",
    days_before_end=40,
    what="One day's costs were exported ten times too high and corrected by a later extract.",
)
DEARER_SERVICE = Story(
    name="dearer service",
    where="all stores",
    days_before_end=365,
    what="The cost per service is about 8 % above the same quarter of last year.",
)
STORIES = (SLOW_STORE, NEW_PROCEDURE, SILENT_STORE, SURVEY_WAVE, OPEN_EVENTS, REEXPORTS, CORRECTION, DEARER_SERVICE)
