"""Ratios of CPU seconds to a stored baseline: ``python benchmarks/compare.py NEW OLD``.

Times of two processors do not compare: where the baseline is of another one, exponents are compared
and times are not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SLOWER = 1.3
"""From this ratio on a line is marked."""


def processor(result: dict[str, Any]) -> str:
    """What it was measured on."""
    found: str = result["machine_info"]["cpu"].get("brand_raw", "unknown")
    return found


def lines(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    """A line a benchmark, then a line a growth."""
    before = {one["fullname"]: one["stats"]["min"] for one in old["benchmarks"]}
    found = []
    if processor(new) == processor(old):
        for one in new["benchmarks"]:
            now, then = one["stats"]["min"], before.get(one["fullname"])
            ratio = "new" if then is None else f"{now / then:.2f} ×"
            mark = "  slower" if then is not None and now > SLOWER * then else ""
            found.append(f"{one['name']:<52}{now:10.4f} s  {ratio}{mark}")
    else:
        found.append(f"times are of {processor(new)}, the baseline of {processor(old)}: no ratios")
    for name, growth in new.get("growth", {}).items():
        then = old.get("growth", {}).get(name)
        was = "" if then is None else f", was {then['exponent']:.2f}"
        found.append(f"{name:<52}exponent {growth['exponent']:.2f}{was}")
    return found


def main(new: str, old: str) -> None:
    """Print them."""
    if not Path(old).is_file():
        print(f"no baseline at {old}: copy {new} there to have one")
        return
    results = [json.loads(Path(path).read_text()) for path in (new, old)]
    print("\n".join(lines(*results)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
