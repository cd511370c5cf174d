"""How the bundled coach is trained: text, damage with known remedies, the model, thresholds, what is shipped."""
