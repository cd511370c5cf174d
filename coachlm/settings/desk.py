"""Settings of post-editing and its review."""

from coachlm.settings.fields import Group, Listed, setting


class DeskSettings(Group):
    """Post-editing and its review."""

    lease_seconds: int = setting(
        "lease_seconds",
        shown_by="tests/api/test_health.py::test_what_ran_out_goes_back_without_a_claim",
        default=1800,
        ge=10,
        description="How long a pair stays with an annotator.",
    )
    undo_seconds: int = setting(
        "undo_seconds",
        shown_by="tests/dashboard/test_installation.py::test_undo_is_offered_for_as_long_as_the_service_takes_it",
        default=60,
        ge=0,
        le=86_400,
        description="How long an annotator can undo a submit. Unsampled submits are approved after this time.",
    )
    idle_seconds: int = setting(
        "idle_seconds",
        shown_by="tests/dashboard/test_installation.py::test_the_desk_is_told_and_beats_twice_within_the_idle_limit",
        default=60,
        ge=5,
        le=3600,
        description="A longer gap between signs of activity does not count as work.",
    )
    max_held_items: int = setting(
        "max_held_items", default=3, ge=1, le=100, description="Most items that one person can hold."
    )
    conversations_in_order: bool = setting(
        "conversations_in_order",
        shown_by="tests/storage/test_conversations_in_order.py::test_a_conversation_goes_to_one_person_turn_by_turn",
        default=False,
        description="Whether the turns of a conversation go to one person, each once the turn before is done.",
    )
    signal_head_start: int = setting(
        "signal_head_start",
        shown_by="tests/storage/test_signals.py::test_what_the_log_calls_bad_comes_earlier_and_what_it_calls_good_later",
        default=1000,
        ge=0,
        le=1_000_000,
        description="How many earlier pairs one overtakes in the queue whose log calls the answer bad; as many later "
        "ones overtake one that it calls good. 0: in order of arrival.",
    )
    control_share: float = setting(
        "control_share",
        default=0.05,
        ge=0,
        le=0.5,
        description="Share of pairs handed out without the coach's revision (the control arm).",
    )
    review_share: float = setting(
        "review_share", default=0.2, ge=0, le=1, description="Share of post-edits that an owner reviews."
    )
    review_flagged_share: float = setting(
        "review_flagged_share",
        default=0.5,
        ge=0,
        le=1,
        description="Share that an owner reviews where the revision has flags to check.",
    )
    review_trusted_share: float = setting(
        "review_trusted_share",
        default=0.05,
        ge=0,
        le=1,
        description="Share that an owner reviews of people with at most one return in their last 50 reviews.",
    )
    newcomer_reviews: int = setting(
        "newcomer_reviews",
        default=50,
        ge=0,
        le=10_000,
        description="A newcomer's first post-edits up to this number are all reviewed.",
    )
    unit_names: Listed[str] = setting(
        "unit_names",
        shown_by="tests/dashboard/test_installation.py::test_classes_and_units_are_called_what_the_installation_calls_them",
        default=("Language tasks", "Q&A", "Creative composition"),
        min_length=3,
        max_length=3,
        description="Display names of the three units of annotators: language tasks, Q&A, creative composition.",
    )
