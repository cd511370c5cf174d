"""Log records that tell of one message each: the question when it is asked, the answer when it is there, in exports of
their own where a model takes its time.

Source: OpenTelemetry semantic conventions for generative AI up to 1.36, "Events".
"""

from typing import Any

from coachlm.protocols.intake import Call
from streams.reading.formats.parts.attributes import key_values
from streams.reading.formats.traces.log_events import message_role

_SAID = ("body", "attributes")


def message_event(resource: Any, entry: dict[str, Any]) -> Call | None:
    """The part of a call that the record tells; None for other records, and those that don't say of which call.

    `input` and `output` hold what was said, `input_ids` and `output_ids` the rest of each record.
    """
    trace, span = entry.get("traceId"), entry.get("spanId")
    if not (isinstance(trace, str) and isinstance(span, str) and span):
        return None
    half = message_role(_name(entry))
    if half is None:
        return None
    side = "input" if half == "prompt" else "output"
    said = {name: entry[name] for name in _SAID if name in entry}
    others = {name: value for name, value in entry.items() if name not in _SAID}
    return {"call": f"{trace} {span}", "resource": resource, side: [said], f"{side}_ids": [others]}


def is_events(call: Call) -> bool:
    return "call" in call


def events_record(call: Call) -> dict[str, Any]:
    """The records of a call as an export of its own."""
    records = [
        {**others, **said}
        for side in ("input", "output")
        for others, said in zip(call.get(f"{side}_ids") or [], call.get(side) or [], strict=True)
    ]
    scope = {"logRecords": records}
    return {"resourceLogs": [{"resource": call.get("resource"), "scopeLogs": [scope]}]}


def join_events(before: Call, after: Call) -> Call:
    """A record that comes again (its times tell) is the one that was there."""
    call = {**before, **after}
    for side in ("input", "output"):
        ids, said = list(before.get(f"{side}_ids") or []), list(before.get(side) or [])
        for others, text in zip(after.get(f"{side}_ids") or [], after.get(side) or [], strict=True):
            if others not in ids:
                ids.append(others)
                said.append(text)
        if ids:
            call |= {side: said, f"{side}_ids": ids}
    return call


def _name(entry: dict[str, Any]) -> str | None:
    name = entry.get("eventName")
    if isinstance(name, str) and name:
        return name
    attributes = entry.get("attributes")
    if not isinstance(attributes, list) or not all(isinstance(item, dict) for item in attributes):
        return None
    found = key_values(attributes).get("event.name")
    return found if isinstance(found, str) else None
