"""What each judge is and what its verdicts are worth, measured; said wherever one has to be chosen or was."""

# See docs/measurements/scorer.md for where the figures come from.

LIKENESS = "expert-revision likeness"
"""What the local scorer scores: how much a pair looks like an expert's revision. It is no judge of quality."""
LIKENESS_LENGTH_FREE = f"{LIKENESS}, length-free"
LONGER = "longer-response"

WORTH: dict[str, str] = {
    "server": "a model behind an OpenAI-compatible server; worth what `coachlm evaluate judges` finds",
    "model:FOLDER": "a local PandaLM; PandaLM-7B gives people's verdict on 0.668 of its comparisons (GPT-3.5 0.698)",
    "likeness": "expert-revision likeness, the local scorer: right on 0.470 of LLMBar Natural and 0.426 of HH-harmless "
    "(chance 0.5), on 0.642 of decided PandaLM pairs (word count 0.673); fit for raw against revised text of one pair",
    "likeness-length-free": "the same without the measures that grow with length; no better",
    "longer": "the response with more words: 0.673 of decided PandaLM pairs; the yardstick for the others",
}
"""By the name that commands take."""


def choices() -> str:
    """For a message that asks for a judge."""
    return "\n".join(f"  --judge {name}: {worth}" for name, worth in WORTH.items())
