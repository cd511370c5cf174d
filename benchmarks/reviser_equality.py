"""The packed engine's greedy outputs against the models' own `generate`, token for token.

Random small models of every family, prompts of all lengths (some repeat themselves and invite drafts), drafts on and
off, 1, 8 and 64 slots. An output that differs is explained when, where it leaves, the two tokens' logits tie within
float error; every such place is shown. `--quick` takes 6 prompts a family instead of 200.
"""

import argparse
import json
import sys

import torch

from benchmarks.reviser.equality import FAMILIES, compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="6 prompts a family; within 40 s on 2 cores")
    parser.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES, help="all, unless some are named")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    tally = compare(6 if arguments.quick else 200, arguments.families)
    figures = {
        "greedy_outputs": tally.outputs,
        "greedy_equal_share": round(tally.equal_share, 6),
        "greedy_ties": tally.differences - tally.unexplained,
        "greedy_unexplained": tally.unexplained,
    }
    print(json.dumps(figures))
    if tally.unexplained:
        sys.exit("some outputs are not the model's own")


if __name__ == "__main__":
    main()
