"""Extracts checked without being loaded: the verdict of each, and every row of it that would be kept aside."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kpi import extracts, pseudonyms
from kpi.extracts import Verdict
from kpi.pace import Progress
from kpi.quarantine import Refusal, rows_kept_aside


@dataclass(frozen=True)
class Inspected:
    """One file; `rows` are in its order."""

    verdict: Verdict
    rows: tuple[Refusal, ...]

    @property
    def is_good(self) -> bool:
        """Whether every row of it would come in."""
        return not self.verdict.message and not self.verdict.kept_aside


def inspected(files: Sequence[Path], root: Path, progress: Progress) -> list[Inspected]:
    """What a load would say about each file; nothing is left behind, and pseudonyms are made with a key that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        parts = Path(folder)
        verdicts = extracts.check(files, root, pseudonyms.throw_away_key(), parts, datetime.now(UTC), progress)
        return [Inspected(one, _rows(one, parts)) for one in verdicts]


def _rows(verdict: Verdict, parts: Path) -> tuple[Refusal, ...]:
    return tuple(rows_kept_aside(parts, verdict.part, verdict.kept_aside)) if verdict.part else ()
