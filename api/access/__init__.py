"""Who may do what: tokens, sessions of a company's provider, roles, units, rate limits."""
