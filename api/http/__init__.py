"""What every route shares: problems, envelopes, metrics, the service's parts."""
