"""The data card of an export: Markdown for people, with the front matter by which `datasets` finds the files."""

from collections.abc import Mapping
from typing import Any

import yaml

from coachlm.desk.dataset import TextChoice
from exports.choices.export_formats import SUFFIXES, ExportFormat, TrainOn
from exports.choices.export_options import ExportOptions
from exports.manifest import MANIFEST_NAME, Manifest
from exports.shapes.columns import columns, features, is_nested

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)
_CHOICES = {
    TextChoice.RAW: "its text as logged",
    TextChoice.REVISED: "the coach's text, or the logged one where the coach left it or fell back",
    TextChoice.FINAL: "the text that people gave it, or the coach's or the logged one where no person has come so far",
}
_CONTAINERS = {
    ".json": "A JSON array",
    ".jsonl": "JSON lines",
    ".parquet": "Parquet",
    ".csv": "CSV, in which a cell that a spreadsheet would compute starts with an apostrophe",
}


def render_card(manifest: Manifest, options: ExportOptions) -> str:
    sections = (
        _front_matter(manifest, options),
        f"# {_one_line(manifest.name)}",
        _what(manifest),
        _columns(manifest),
        _how(manifest),
        _counts(manifest),
        _statistics(manifest),
        _personal_data(manifest),
        _license(manifest),
    )
    return "\n\n".join(sections) + "\n"


def _front_matter(manifest: Manifest, options: ExportOptions) -> str:
    config: dict[str, Any] = {
        "config_name": "default",
        "data_files": [{"split": file.split, "path": file.name} for file in manifest.files if file.rows],
    }
    if manifest.format == "csv":  # an empty input or the answer "None" is text, not a missing value
        config["keep_default_na"] = False
    matter: dict[str, Any] = {
        "pretty_name": manifest.name,
        "license": manifest.license or "unknown",
        "language": sorted(set(manifest.rows_by_language) - {"unknown"}),
        "task_categories": ["text-generation"],
        "tags": ["instruction-tuning", "coachlm"],
        "size_categories": [_size(manifest.rows)],
        "configs": [config],
    }
    if is_nested(options):  # readers guess types from the first rows, in which a key may be missing
        matter["dataset_info"] = {"features": features(columns(options))}
    return f"---\n{yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)}---"


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "n>1B")


def _what(manifest: Manifest) -> str:
    made_of = "pairs of instruction and response" if manifest.rows_are == "pairs" else manifest.rows_are
    held = "" if manifest.rows == manifest.pairs else f" They are made of {manifest.pairs:,} pairs."
    suffix = SUFFIXES[ExportFormat(manifest.format)]
    return (
        "## What it is\n\n"
        f"{manifest.rows:,} {made_of}, made from logs of deployed language models. Each "
        f"carries {_CHOICES[manifest.text]}.{held} {_CONTAINERS[suffix]}, format `{manifest.format}`.\n\n"
        f'```python\nfrom datasets import load_dataset\n\ndataset = load_dataset(".")\n```\n\n'
        f"`{MANIFEST_NAME}` holds every figure below and the SHA-256 of each file."
    )


def _columns(manifest: Manifest) -> str:
    rows = [f"| `{name}` | {_cell(about)} |" for name, about in manifest.columns.items()]
    return "## Columns\n\n" + "\n".join(["| column | what it is |", "|---|---|", *rows])


def _how(manifest: Manifest) -> str:
    return (
        "## How it was made\n\n"
        "Logs → pairs → preliminary filter → personal data replaced → near copies set apart → revised by a coach → "
        "post-edited and reviewed by people, as far as each pair has come. Made by CoachLM "
        f"{manifest.tool_version} on {manifest.created_at}; written: pairs that are "
        f"{', '.join(status.value for status in manifest.statuses)}.{_chosen(manifest)}\n\n"
        + _table("engine", "pairs it saw", manifest.engines, none="No coach has seen these texts.")
        + (f"\n\n{_table('adapter (content digest)', 'pairs it saw', manifest.adapters)}" if manifest.adapters else "")
    )


def _chosen(manifest: Manifest) -> str:
    """Sentences on the choices that were made beyond the status."""
    said: list[str] = []
    if manifest.selection:
        set_ = "; ".join(f"{name} {_shown(value)}" for name, value in manifest.selection.items())
        said.append(f"Of these, those with {_one_line(set_)}.")
    if manifest.train_on is not None:
        whose = "people or the coach wrote" if manifest.train_on == TrainOn.EDITED else "belong to chosen pairs"
        said.append(f"Answers of weight 1 are those that {whose}.")
    if manifest.rejected:
        said.append(f"Losing answers come from: {', '.join(manifest.rejected)}.")
    return "".join(f" {each}" for each in said)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _counts(manifest: Manifest) -> str:
    flow = manifest.flow
    balance = {
        "pairs parsed from logs": flow.occurrences,
        "− repeats of the same text": flow.exact_duplicates,
        **{f"− left out: {status}": count for status, count in sorted(manifest.left_out.items())},
        **{f"− left out: {reason}": count for reason, count in sorted(manifest.left_out_because.items())},
    }
    if manifest.rows_are == "pairs":
        balance["= rows of this data set"] = manifest.rows
    else:
        balance |= {"= pairs of this data set": manifest.pairs, "pairs of blind ratings": manifest.rated_pairs}
        balance[f"rows ({manifest.rows_are})"] = manifest.rows
    parts = [
        _table("flow", "pairs", balance),
        _table("records that became no pair", "records", flow.rejects_by_reason, none="Every record became a pair."),
        _table("excluded because", "pairs", flow.excluded_by_reason, none="No pair was excluded."),
        _table("status", "pairs", manifest.rows_by_status),
        _table("words by (`raw`: the log, `revised`: the coach, `final`: people)", "pairs", manifest.rows_by_text),
        _table("task class", "pairs", manifest.rows_by_class),
        _table("split", "rows", {str(file.split): file.rows for file in manifest.files}),
    ]
    if manifest.rows_by_rejected:
        parts.append(_table("losing answers from", "rows", manifest.rows_by_rejected))
    return "## Counts\n\n" + "\n\n".join(parts)


def _statistics(manifest: Manifest) -> str:
    rows = [f"| {name} | {mean:.1f} |" for name, mean in manifest.mean_words.items()]
    return "## Statistics\n\n" + "\n".join(["| text | words on average |", "|---|---:|", *rows])


def _personal_data(manifest: Manifest) -> str:
    replaced = manifest.flow.redactions_by_kind
    return (
        "## Personal data\n\n"
        "E-mail addresses, phone and card numbers, bank accounts, network addresses, keys and tokens were replaced by "
        "placeholders such as `<EMAIL_1>` when the logs were read, before anything was stored; the same value has the "
        "same placeholder throughout a conversation. Patterns find these kinds only: names of people, for instance, "
        "remain. User ids, addresses and user agents are not part of the data set.\n\n"
        + _table("kind", "replaced in all logs", replaced, none="None was found.")
    )


def _license(manifest: Manifest) -> str:
    if manifest.license:
        return f"## Licence\n\n`{_one_line(manifest.license)}`"
    return (
        "## Licence\n\n"
        "*To be filled in by the owner of the logs: under which licence, and on what ground users' texts are shared. "
        "Export again with a licence, or edit this section and `license:` above.*"
    )


def _table(left: str, right: str, counts: Mapping[str, int], *, none: str = "None.") -> str:
    if not counts:
        return none
    rows = [f"| {_cell(name)} | {count:,} |" for name, count in counts.items()]
    return "\n".join([f"| {left} | {right} |", "|---|---:|", *rows])


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|").replace("<", "&lt;")


def _one_line(text: str) -> str:
    return " ".join(text.split())
