"""What pages are put together from: charts, tables, texts, figures, the session."""
