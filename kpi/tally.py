"""What became of files and rows: in a figure, or counted why they are in none."""

from collections.abc import Sequence
from dataclasses import dataclass

from kpi.extracts import Verdict
from kpi.words import counted, text


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Rows = events + superseded + deleted + unopened + later.

    `superseded`: an older version, or a copy. `deleted`: the newest version removes the event. `unopened`: opened after
    "as of", within the tolerance of clocks. `later`: a version that was not known yet.
    """

    rows: int
    events: int
    superseded: int
    deleted: int
    unopened: int
    later: int


@dataclass(frozen=True)
class KeptOut:
    """What of the extracts is in no figure until somebody acts."""

    files_refused: int
    rows_kept_aside: int


def kept_out(verdicts: Sequence[Verdict]) -> KeptOut:
    """Over all files."""
    return KeptOut(sum(bool(verdict.message) for verdict in verdicts), sum(verdict.kept_aside for verdict in verdicts))


def kept_out_text(found: KeptOut) -> str:
    """As people read it, without what is 0."""
    words = (
        (found.files_refused, "{count} file refused", "{count} files refused"),
        (found.rows_kept_aside, "{count} row kept aside", "{count} rows kept aside"),
    )
    return ", ".join(counted(one, many, count) for count, one, many in words if count)


def copies(verdicts: Sequence[Verdict]) -> int:
    """The rows of files whose whole content came in by another file too: their part is read once."""
    parts = {verdict.part: verdict.accepted for verdict in verdicts}
    return sum(verdict.accepted for verdict in verdicts) - sum(parts.values())


def tally_text(tally: Tally) -> str:
    """The sum as people read it, without what is 0."""
    others = (
        (tally.superseded, "{count} older version or copy", "{count} older versions or copies"),
        (tally.deleted, "{count} deletion", "{count} deletions"),
        (tally.unopened, "{count} not opened yet", "{count} not opened yet"),
        (tally.later, "{count} not known yet", "{count} not known yet"),
    )
    parts = [counted("{count} event", "{count} events", tally.events), *(counted(one, many, count) for count, one, many in others if count)]
    return text("{rows} = {parts}", rows=counted("{count} row accepted", "{count} rows accepted", tally.rows), parts=" + ".join(parts))
