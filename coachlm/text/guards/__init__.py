"""Judging a revision against its raw pair, by small pure functions without a model.

`refusal` says why a revision must fall back to the raw pair; `flags` marks what an annotator should check in one that
is kept. Every function takes time linear in the texts' length.
"""

from coachlm.text.guards.content import kept
from coachlm.text.guards.flags import flags, is_said_in
from coachlm.text.guards.refusals import GUARDS, Guard, refusal

__all__ = ["GUARDS", "Guard", "flags", "is_said_in", "kept", "refusal"]
