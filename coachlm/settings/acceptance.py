"""Settings of the choice between several candidates of a pair."""

from coachlm.settings.fields import Group, setting

AUTO, OFF = "auto", "off"
_SHOWN = "tests/reviser/test_choosing.py::test_the_settings_say_who_chooses_and_how"


class AcceptanceSettings(Group):
    """Whether a revision is shown only where it is likely to save people work."""

    model: str = setting(
        "accept_model",
        shown_by=_SHOWN,
        default=AUTO,
        description="The acceptance model that chooses between a model's candidates and the raw text: a file, `auto` "
        "(`acceptance.json` beside or in the adapter's folder, if there is one) or `off` (the model's likeliest text).",
    )
    threshold: float | None = setting(
        "accept_threshold",
        shown_by=_SHOWN,
        default=None,
        ge=0,
        le=1,
        description="How likely a candidate must be to save work before people see it; the raw text has 0.5. Not set: "
        "as the acceptance model recommends.",
    )
    samples: int = setting(
        "accept_samples",
        shown_by=_SHOWN,
        default=2,
        ge=0,
        le=32,
        description="Candidates drawn beside the likeliest texts, by engines that can draw; each costs a model's time.",
    )
    temperature: float = setting(
        "accept_temperature",
        shown_by=_SHOWN,
        default=0.6,
        gt=0,
        le=10,
        allow_inf_nan=False,
        description="What those are drawn with, with COACHLM_SAMPLING_TOP_K, …_TOP_P and …_SEED.",
    )
