"""Students: models tuned on a data set, compared by their answers."""
