"""Settings of the gate that a new adapter has to pass."""

from coachlm.settings.fields import Group, setting

_SHOWN = "tests/trainer/test_gate.py::test_margins_are_settings"


class GateSettings(Group):
    """How much worse than the reference a candidate may be."""

    nll_margin: float = setting(
        "gate_nll_margin",
        shown_by=_SHOWN,
        default=0.02,
        ge=0,
        description="How much more likely the reference may find people's final texts, in nats a token.",
    )
    words_margin: float = setting(
        "gate_words_margin",
        shown_by=_SHOWN,
        default=0.05,
        ge=0,
        description="How many words more a coach may leave to touch, as a share of the reference's.",
    )
    invalid_margin: float = setting(
        "gate_invalid_margin",
        shown_by=_SHOWN,
        default=0.02,
        ge=0,
        le=1,
        description="How much greater the share of invalid outputs may be.",
    )
    guarded_margin: float = setting(
        "gate_guarded_margin",
        shown_by=_SHOWN,
        default=0.03,
        ge=0,
        le=1,
        description="How much greater the share of outputs that a guard refuses may be.",
    )
    flagged_margin: float = setting(
        "gate_flagged_margin",
        shown_by=_SHOWN,
        default=0.05,
        ge=0,
        le=1,
        description="The same of revisions with facts that people's final text doesn't have.",
    )
    over_expanded_margin: float = setting(
        "gate_over_expanded_margin",
        shown_by=_SHOWN,
        default=0.02,
        ge=0,
        le=1,
        description="The same of long answers where people wrote not half as much.",
    )
    smallest_set: int = setting(
        "gate_smallest_set",
        shown_by=_SHOWN,
        default=50,
        ge=1,
        description="Fewer held-out pairs decide nothing.",
    )
