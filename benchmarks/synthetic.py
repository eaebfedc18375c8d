"""Synthetic extracts of any size, made by DuckDB alone: three years of 300 stores. Nothing here was measured anywhere."""

from pathlib import Path

import duckdb

SQL = Path(__file__).parent / "synthetic.sql"
SOURCE = "synthetic_scale"
EVENTS_PER_FILE = 1_000_000


def write(extracts: Path, events: int) -> list[Path]:
    """Extracts of so many events, each file a stretch of time; the same rows for the same number."""
    folder = extracts / SOURCE
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for number, first in enumerate(range(0, events, EVENTS_PER_FILE)):
            file = folder / f"synthetic_{number:05d}.parquet"
            name = str(file).replace("'", "''")
            values = {"first": first, "last": min(events, first + EVENTS_PER_FILE), "all": events}
            connection.execute(f"COPY ({SQL.read_text()}) TO '{name}' (FORMAT parquet, COMPRESSION zstd)", values)
            files.append(file)
    return files


def write_late(extracts: Path, events: int, rows: int, corrections: int, draw: int) -> Path:
    """One more extract: some new events after the last, and corrections of the last 13 days; `draw` chooses which."""
    file = extracts / SOURCE / "synthetic_late.parquet"
    name = str(file).replace("'", "''")
    late = f"""
        SELECT * REPLACE (updated_at + INTERVAL 1 HOUR AS updated_at, coalesce(satisfaction, 5) AS satisfaction)
        FROM ({SQL.read_text()})
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        new = {"first": events, "last": events + rows - corrections, "all": events}
        old = {"first": events - 13 * events // 1095, "last": events, "all": events}
        connection.execute("CREATE TABLE late AS " + late, new)
        connection.execute(f"INSERT INTO late SELECT * FROM ({late}) USING SAMPLE reservoir({corrections} ROWS) REPEATABLE ({draw})", old)
        connection.execute(f"COPY late TO '{name}' (FORMAT parquet, COMPRESSION zstd)")
    return file
