"""How far a load has come, how fast it is, and how long it will take."""

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[int, int, str, int], None]
"""Hears how much is done, of how much, what is being done, and the rows done so far."""

FEWEST_SECONDS = 1.0


def ignore_progress(done: int, total: int, what: str, rows: int) -> None:
    """For callers who show nothing."""


@dataclass
class Pace:
    """Of one kind of work, from when it began. Moments are seconds of a clock that only goes forward."""

    is_checking: bool = True
    what: str = ""
    share: float = 0.0
    rows: int = 0
    began: float = 0.0
    now: float = 0.0
    share_at_first: float = 0.0
    rows_at_first: int = 0

    def hear(self, done: int, total: int, what: str, rows: int, *, is_checking: bool, now: float) -> None:
        """Take in what a load says; another kind of work begins anew."""
        share = done / total if total else 1.0
        if is_checking != self.is_checking or not self.began:
            self.is_checking, self.began, self.share_at_first, self.rows_at_first = is_checking, now, share, rows
        self.share, self.what, self.rows, self.now = share, what, rows, now

    @property
    def rows_a_second(self) -> float | None:
        """None as long as it cannot be said."""
        elapsed = self.now - self.began
        return (self.rows - self.rows_at_first) / elapsed if elapsed >= FEWEST_SECONDS and self.rows > self.rows_at_first else None

    @property
    def seconds_left(self) -> float | None:
        """None as long as it cannot be said."""
        elapsed, gained = self.now - self.began, self.share - self.share_at_first
        return elapsed * (1 - self.share) / gained if elapsed >= FEWEST_SECONDS and gained > 0 else None
