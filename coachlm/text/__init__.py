"""Pure functions on text: filters, personal data, language, classes, near copies, hygiene, guards, markup."""
