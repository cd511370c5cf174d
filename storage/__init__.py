"""Tables, the post-edit queue and data set export; the only room that speaks SQL."""
