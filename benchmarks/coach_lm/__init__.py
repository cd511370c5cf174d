"""The language-model coach on expert revisions that it was not trained on."""
