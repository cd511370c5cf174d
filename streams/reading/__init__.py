"""Reading logs, from files to pairs. Knows no broker and no database."""
