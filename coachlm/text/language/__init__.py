"""Which language a text is in, told by its script, then its words, then py3langid's model."""

from coachlm.text.language.verdicts import detect_language, pair_language

__all__ = ["detect_language", "pair_language"]
