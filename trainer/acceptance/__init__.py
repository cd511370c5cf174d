"""Training the acceptance model: from what readers said of candidates, and from what people did with revisions."""
