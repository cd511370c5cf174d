"""The bundled coach against its base without the adapter, and the rules engine: damage mended, clean pairs left alone,
facts kept, valid outputs.

Held-out text alone: the test part of `recipes.coach.corpora`, split by document, never trained or tuned on.
Two kinds of damage to one word in ten of each response: that of `benchmarks.rules`, which the rules were made against
(slips of the keyboard, doubled words, casing, stops), and, under `mixed_…`, that of the training recipe (also
real misspellings, confusions, agreement, lost articles, words run together). All engines get the same texts.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from recipes.coach.measure import measure
from reviser.coach.bundle import BUNDLE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records; a minute on a core")
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="another folder of `make coach`")
    options = parser.parse_args()
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("COACHLM_DATA_DIR is not set to the folder of public data sets; see docs/reference/public-data.md")
    figures = measure(Path(folder), options.bundle, most=300 if options.quick else 3_000)
    for name, value in figures.items():
        print(f"{name:<48} {value:>10.4f}" if isinstance(value, float) else f"{name:<48} {value:>10}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
