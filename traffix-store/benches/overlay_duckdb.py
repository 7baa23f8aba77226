"""A year of minutes of 50 series to hourly sums in DuckDB: in memory, one thread.

`cargo bench -p traffix-store --bench measurements` runs it if Python has the package `duckdb`
(`python3 -m pip install duckdb`; measured with 2.0.0). It prints the version, the seconds and the seconds of processor
time of the fastest of five queries, the sum of all bytes, and a check sum over the order of the hours; the bench
compares both with its own.
"""

import sys
import time

import duckdb

SERIES, MINUTES, RUNS = 50, 365 * 1440, 5

database = duckdb.connect(":memory:")
database.execute("SET threads = 1")
database.execute(
    f"""
    CREATE TABLE points AS
    SELECT series::SMALLINT AS series, minute::INTEGER AS minute,
           ((series + 1) * 10000000 * (800 + abs(minute % 1440 - 720))
            + (minute + series * {MINUTES}) * 2654435761 % 4294967296 % 100000000)::BIGINT AS bytes
    FROM range({SERIES}) s(series), range({MINUTES}) m(minute)
    ORDER BY series, minute
    """
)
took, worked = [], []
for _ in range(RUNS):
    start, start_work = time.perf_counter(), time.process_time()
    database.execute(
        "CREATE OR REPLACE TEMP TABLE hours AS "
        "SELECT series, minute // 60 AS hour, sum(bytes) AS bytes FROM points GROUP BY ALL"
    )
    took.append(time.perf_counter() - start)
    worked.append(time.process_time() - start_work)
total, check = database.execute(
    "SELECT sum(bytes), sum(bytes % 1000003 * (series::BIGINT * 8760 + hour)) FROM hours"
).fetchone()
print(duckdb.__version__, min(took), min(worked), int(total), int(check))
sys.stdout.flush()
