"""What identifies a person beside how to reach them: official numbers, documents, devices, wallets, dates of birth,
accounts and places."""

from coachlm.text.personal_data.ids.finders import id_finders

__all__ = ["id_finders"]
