"""What a conversion did: counted, so that every row that was read is accounted for."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One column. Blank cells and null markers are nulls; `values` counts each value where there are at most 20."""

    name: str
    nulls: int
    distinct: int
    values: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class RuleMatches:
    """How many events a disposition rule matches, whether or not an earlier rule won."""

    disposition: str
    column: str
    text: str
    events: int


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """The report of one conversion. Rows read = rows written + rows kept aside; wholly blank rows are none."""

    mapping: str
    files: tuple[str, ...]
    extract: str
    kept_aside_file: str
    rows_read: int
    rows_written: int
    rows_kept_aside: int
    blank_rows: int
    events: int
    versions: int
    kept_aside: dict[str, int]
    set_aside: dict[str, int]
    outside_allowed: dict[str, int]
    dispositions: tuple[RuleMatches, ...]
    disposition_overlaps: int
    fold_duplicates: int
    ambiguous_moments: int
    nonexistent_moments: int
    warnings: dict[str, int]
    raw_columns: tuple[Profile, ...]
    columns: tuple[Profile, ...]

    def __post_init__(self) -> None:
        if self.rows_read != self.rows_written + self.rows_kept_aside:
            raise AssertionError(f"{self.rows_read} rows read, {self.rows_written} written, {self.rows_kept_aside} kept aside")

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)
