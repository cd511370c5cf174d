"""Persons, addresses and organisations: by a small model, by the words about them and by their forms."""

from coachlm.text.personal_data.names.reader import NameReader

__all__ = ["NameReader"]
