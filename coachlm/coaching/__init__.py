"""The vocabulary of coaches: adapters, lessons, facts of models, revise work."""
