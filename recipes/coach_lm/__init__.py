"""How the language-model coach is made: its base, found in a package that is installed for its file alone."""
