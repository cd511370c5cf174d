"""Personal data and secrets, replaced at the door by typed placeholders; what was replaced is kept nowhere.

How much is searched for is a setting: `docs/explanations/personal-data.md` describes its three levels.
"""

from coachlm.text.personal_data.forms.kinds import Kind
from coachlm.text.personal_data.identifiers import hash_identifier
from coachlm.text.personal_data.redactor import Redacted, Redactor, check_level

__all__ = ["Kind", "Redacted", "Redactor", "check_level", "hash_identifier"]
