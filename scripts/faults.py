#!/usr/bin/env python3
"""The table of faults: faults.py ROWS [PAGE].

ROWS is what the scenarios of tests/e2e/faults wrote, a JSON object a line. Prints the table; where PAGE is given, puts it between its two
marks as well.
"""

import json
import pathlib
import sys

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


def table(rows):
    yield "| fault | runs | converged | lost | requests lost | seconds | what was seen |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        requests = "" if row["requests"] is None else f"{row['requestsLost']} of {row['requests']:,}"
        notes = "; ".join(row["notes"]) + (" **broken**" if row["broken"] else "")
        yield f"| {row['fault']} | {row['runs']:,} | {row['converged']:,} | {row['lost']} | {requests} | {row['seconds']} | {notes} |"
    runs, converged, lost = (sum(row[key] for row in rows) for key in ("runs", "converged", "lost"))
    yield f"| **all** | **{runs:,}** | **{converged:,}** | **{lost}** | | {sum(row['seconds'] for row in rows):,} | |"


def main():
    path = pathlib.Path(sys.argv[1])
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if not rows:
        sys.exit("no fault was put in")
    text = "\n".join(table(rows))
    print(text)
    if len(sys.argv) > 2:
        page = pathlib.Path(sys.argv[2])
        before, rest = page.read_text().split(BEGIN)
        page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")
    broken = [row["fault"] for row in rows if row["converged"] < row["runs"] or row["lost"] or row["broken"]]
    if broken:
        sys.exit("not as promised: " + "; ".join(broken))


if __name__ == "__main__":
    main()
