"""All settings in their groups, and where the name that each has outside leads."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from coachlm.errors import SettingsError
from coachlm.settings.acceptance import AcceptanceSettings
from coachlm.settings.desk import DeskSettings
from coachlm.settings.fields import Group
from coachlm.settings.gate import GateSettings
from coachlm.settings.instructing import InstructingSettings
from coachlm.settings.intake import FilterSettings, IntakeSettings
from coachlm.settings.judge import JudgeSettings
from coachlm.settings.reviser import AdapterSettings, OpenaiSettings, ReviserSettings, SamplingSettings
from coachlm.settings.service import ApiSettings, DatabaseSettings, OidcSettings
from coachlm.settings.streams import KafkaSettings, StreamSettings, WorkerSettings


class Settings(Group):
    """Flag over environment over file over default. docs/reference/settings.md lists all (a test checks)."""

    database: DatabaseSettings = DatabaseSettings.model_construct()
    intake: IntakeSettings = IntakeSettings.model_construct()
    filters: FilterSettings = FilterSettings.model_construct()
    reviser: ReviserSettings = ReviserSettings.model_construct()
    openai: OpenaiSettings = OpenaiSettings.model_construct()
    instructing: InstructingSettings = InstructingSettings.model_construct()
    sampling: SamplingSettings = SamplingSettings.model_construct()
    acceptance: AcceptanceSettings = AcceptanceSettings.model_construct()
    adapters: AdapterSettings = AdapterSettings.model_construct()
    gate: GateSettings = GateSettings.model_construct()
    kafka: KafkaSettings = KafkaSettings.model_construct()
    streams: StreamSettings = StreamSettings.model_construct()
    worker: WorkerSettings = WorkerSettings.model_construct()
    api: ApiSettings = ApiSettings.model_construct()
    oidc: OidcSettings = OidcSettings.model_construct()
    judge: JudgeSettings = JudgeSettings.model_construct()
    desk: DeskSettings = DeskSettings.model_construct()

    def replaced(self, **values: object) -> "Settings":
        """With other values, by their names outside. Raises: SettingsError, naming each wrong one without its value."""
        by_group: dict[str, dict[str, object]] = defaultdict(dict)
        for name, value in values.items():
            if (known := named_settings().get(name)) is None:
                raise TypeError(f"no setting is called {name!r}")
            by_group[known.group][known.attribute] = value
        made: dict[str, Group] = {}
        wrong: list[str] = []
        for group, changes in by_group.items():
            before: Group = getattr(self, group)
            try:
                made[group] = type(before).model_validate({**dict(before), **changes})
            except ValidationError as error:
                wrong += _complaints(group, error)
        if wrong:
            raise SettingsError(f"{'; '.join(wrong)}; see docs/reference/settings.md")
        return self.model_copy(update=made)


@dataclass(frozen=True, slots=True)
class NamedSetting:
    """One setting: its name outside, and where it stands."""

    name: str
    group: str
    attribute: str
    field: FieldInfo
    shown_by: str  # the test of what it does

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return f"COACHLM_{self.name.upper()}"

    def value(self, settings: Settings) -> Any:
        return getattr(getattr(settings, self.group), self.attribute)


@cache
def named_settings() -> Mapping[str, NamedSetting]:
    return {each.name: each for each in _all()}


def _all() -> Iterator[NamedSetting]:
    for group, outer in Settings.model_fields.items():
        for attribute, field in type(outer.default).model_fields.items():
            outside: dict[str, Any] = field.json_schema_extra
            yield NamedSetting(outside["name"], group, attribute, field, outside["shown_by"])


def _complaints(group: str, error: ValidationError) -> Iterator[str]:
    names = {(each.group, each.attribute): each.variable for each in named_settings().values()}
    for one in error.errors():
        attribute, *within = one["loc"]
        yield f"{'.'.join([names[group, str(attribute)], *map(str, within)])}: {one['msg']}"
