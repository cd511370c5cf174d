"""Settings of reading logs and of the preliminary filter."""

from typing import Literal

from pydantic import SecretStr

from coachlm.pairs import ExcludeReason
from coachlm.settings.fields import Group, Listed, setting

Turns = Literal["first", "each", "last"]
ExpertTopic = Literal["music", "chemistry", "medicine", "law", "mathematics", "programming"]


class IntakeSettings(Group):
    """Reading logs and making pairs of them."""

    processes: int = setting(
        "intake_processes",
        shown_by="tests/commands/test_run.py::test_batch_sizes_and_processes_change_nothing",
        default=0,
        ge=0,
        description="Intake processes; 0: one for each usable core, for less than 1 MB of logs one.",
    )
    batch_records: int = setting(
        "batch_records",
        shown_by="tests/commands/test_run.py::test_batch_sizes_and_processes_change_nothing",
        default=256,
        ge=1,
        le=10_000,
        description="Records in a batch and transaction.",
    )
    turns: Turns = setting(
        "turns",
        shown_by="tests/streams/test_turns.py::test_first_and_last_leave_the_others_out_and_say_so",
        default="each",
        description="Which turns of a conversation become pairs.",
    )
    max_record_bytes: int = setting(
        "max_record_bytes",
        shown_by="tests/api/test_log_intake.py::test_a_line_over_the_limit_is_refused_and_its_neighbours_are_not",
        default=16_000_000,
        ge=1_000,
        description="A longer record is rejected as `too_long` without being kept in memory.",
    )
    max_nesting: int = setting(
        "max_nesting", default=100, ge=5, description="JSON nested deeper is rejected as `malformed_json`."
    )
    join_buffer_bytes: int = setting(
        "join_buffer_bytes",
        shown_by="tests/streams/test_join.py::test_over_the_bound_the_half_that_waited_longest_is_rejected",
        default=64_000_000,
        ge=100_000,
        description="Memory for halves of batch calls and streams that wait to be joined.",
    )
    hash_salt: SecretStr = setting(
        "hash_salt",
        default=SecretStr(""),
        description="Salt for user and session hashes; empty: a random one kept in the database.",
    )
    phone_regions: Listed[str] = setting(
        "phone_regions",
        default=(),
        description="ISO 3166 codes of countries whose national phone numbers count; empty: the usual ones.",
    )
    near_duplicate_similarity: float = setting(
        "near_duplicate_similarity",
        default=0.8,
        gt=0,
        le=1,
        description="A pair that asks the same, and whose material, answer and context have this Jaccard similarity "
        "of word 3-grams or more, is a near copy.",
    )


class FilterSettings(Group):
    """The preliminary filter: which pairs are excluded."""

    languages: Listed[str] = setting(
        "languages", default=("en",), description="ISO 639-1 codes to accept; empty accepts all."
    )
    min_instruction_chars: int = setting(
        "min_instruction_chars", default=3, ge=0, description="Shorter instructions are excluded: `too_short`."
    )
    min_response_chars: int = setting(
        "min_response_chars", default=1, ge=0, description="Shorter responses are excluded: `too_short`."
    )
    max_pair_chars: int = setting(
        "max_pair_chars",
        shown_by="tests/coachlm/test_filters.py::test_length_bounds",
        default=32_000,
        ge=100,
        description="Longer pairs are excluded: `too_long`.",
    )
    exclude_reasons: Listed[ExcludeReason] = setting(
        "exclude_reasons",
        shown_by="tests/coachlm/test_filters.py::test_a_reason_out_of_force_keeps_its_pairs",
        default=tuple(reason for reason in ExcludeReason if reason is not ExcludeReason.MANUAL),
        description="Filter reasons to apply. Remove one to keep the pairs it would exclude.",
    )
    beyond_expertise_topics: Listed[ExpertTopic] = setting(
        "beyond_expertise_topics",
        shown_by="tests/coachlm/test_filters.py::test_specialist_topics_are_beyond_expertise_while_configured",
        default=("music", "chemistry", "medicine", "law", "mathematics"),
        description="Topics that the annotators can't judge; `programming` can be added.",
    )
    max_requested_words: int = setting(
        "max_requested_words",
        default=1000,
        ge=1,
        description="Requests for longer pieces (a page is 500 words) are `massive_workload`.",
    )
    max_verse_lines: int = setting(
        "max_verse_lines",
        shown_by="tests/coachlm/test_filters.py::test_a_poem_is_massive_from_the_configured_number_of_lines_on",
        default=24,
        ge=1,
        description="A poem of more lines is `massive_workload`: revising verse is rewriting it.",
    )
    max_refusal_chars: int = setting(
        "max_refusal_chars",
        default=400,
        ge=0,
        description="A longer response that starts as a refusal counts as an answer.",
    )
    max_profanities: int = setting(
        "max_profanities",
        shown_by="tests/coachlm/test_filters.py::test_swearing_is_counted_up_to_the_configured_number",
        default=2,
        ge=0,
        description="More strong swear words make a pair `safety`.",
    )
