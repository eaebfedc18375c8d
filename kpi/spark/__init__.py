"""The same roll-ups on a Spark cluster: DuckDB's own statements, translated; needs the extra `spark` and Java."""
