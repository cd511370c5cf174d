"""The peers, each run as a process of its own so that its cost can be accounted for from outside."""
