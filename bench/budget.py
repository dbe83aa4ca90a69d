"""Whether budgets hold while processes die: random steps over one ledger, held against the bill.

Each step reserves, is refused, sends, settles, retries, or ends its process with SIGKILL, with or
without the model's bill already made. A violation is a scope of which more was billed than its
ceiling allows, or more than the ledger counts. The value is the number of violations.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common import Target
from support import spenders

TARGET: Final = Target("budget", "violations", 0)
STEPS: Final = 10_000
PROCESSES: Final = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="where the ledger is; a disk is slower than memory")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        began = time.perf_counter()
        bill = spenders.run(
            Path(folder), steps=arguments.steps, processes=PROCESSES, seed=arguments.seed
        )
        seconds = time.perf_counter() - began
    print(
        f"{bill.steps} steps of {PROCESSES} processes in {seconds:.1f} s,"
        f" {bill.steps / seconds:.0f} steps/s: {bill.refused} refused, {bill.deaths} deaths"
    )
    print(
        f"{bill.billed['day']:,} tokens billed, {bill.counted:,} counted,"
        f" {spenders.limits(bill.steps).day_tokens:,.0f} allowed"
    )
    for sentence in bill.over:
        print(sentence)
    TARGET.report(len(bill.over))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
