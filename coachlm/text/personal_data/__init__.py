"""Personal data and secrets, replaced at the door by typed placeholders; what was replaced is kept nowhere.

Names of people, postal addresses and birthdays are not searched for: `docs/explanations/personal-data.md` says what is.
"""

from coachlm.text.personal_data.identifiers import hash_identifier
from coachlm.text.personal_data.kinds import Kind
from coachlm.text.personal_data.redactor import Redacted, Redactor

__all__ = ["Kind", "Redacted", "Redactor", "hash_identifier"]
