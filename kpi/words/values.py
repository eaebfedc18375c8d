"""Values as people read them: in the KPI's unit, with the digits that mean something."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from kpi.metrics import Unit
from kpi.words import text

LOCALE = "en"
NO_VALUE = "–"

PATTERNS = {"minutes": "#,##0.0", "score": "0.00", "points": "+0.0;-0.0", "events": "#,##0"}
SHARE_PATTERN = "0.0%"


def value_text(value: float | None, unit: Unit, currency: str) -> str:
    """The value with its unit; a dash when there is none, because unknown is never 0."""
    match value, unit:
        case None, _:
            return NO_VALUE
        case number, "share":
            return format_percent(number, SHARE_PATTERN, locale=LOCALE)
        case number, "currency" if currency:
            return format_currency(number, currency, locale=LOCALE)
        case number, "currency":
            return format_decimal(number, "#,##0.00", locale=LOCALE)
        case number, "minutes":
            return duration_text(number)
        case number, _:
            return format_decimal(number, PATTERNS[unit], locale=LOCALE)


def duration_text(minutes: float) -> str:
    """Minutes up to two hours, then hours up to two days, then days."""
    if abs(minutes) < 120:
        return text("{number} min", number=format_decimal(minutes, PATTERNS["minutes"], locale=LOCALE))
    if abs(minutes) < 2880:
        return text("{number} h", number=format_decimal(minutes / 60, PATTERNS["minutes"], locale=LOCALE))
    return text("{number} days", number=format_decimal(minutes / 1440, PATTERNS["minutes"], locale=LOCALE))


def difference_text(difference: float | None, unit: Unit, currency: str) -> str:
    """A difference with its sign; of shares in percentage points."""
    if difference is None:
        return NO_VALUE
    if unit == "share":
        return _signed(difference, text("{number} pp", number=format_decimal(abs(difference) * 100, "0.0", locale=LOCALE)))
    return _signed(difference, value_text(abs(difference), unit, currency).lstrip("+"))


def _signed(number: float, words: str) -> str:
    """The words with the number's sign; what they show as zero is no change."""
    return ("±" if is_zero(words) else "+" if number > 0 else "−") + words


def is_zero(words: str) -> bool:
    """Whether a number reads as zero, whatever its hidden digits."""
    return not any(digit in words for digit in "123456789")


def relative_text(relative: float | None) -> str:
    """A relative change with its sign."""
    return NO_VALUE if relative is None else _signed(relative, format_percent(abs(relative), SHARE_PATTERN, locale=LOCALE))


def count_text(count: int) -> str:
    """A count with thousands separated."""
    return format_decimal(count, "#,##0", locale=LOCALE)


def day_text(day: date) -> str:
    """A day with its weekday."""
    return format_date(day, "EEE d MMM y", locale=LOCALE)


def month_text(month: date) -> str:
    """A month of a year."""
    return format_date(month, "MMMM y", locale=LOCALE)


def quarter_text(quarter: date) -> str:
    """A quarter of a year."""
    return format_date(quarter, "QQQ y", locale=LOCALE)


def moment_text(moment: datetime, zone: str) -> str:
    """A moment in a time zone, with the zone's name: whose clock it is must not be guessed."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{format_date(local.date(), 'EEE d MMM y', locale=LOCALE)} {local:%H:%M} ({zone})"


def short_day_text(day: date) -> str:
    """A day without its weekday."""
    return format_date(day, "d MMM y", locale=LOCALE)
