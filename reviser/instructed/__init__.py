"""A coach by instruction: any strong chat model, told what an expert would do and shown how experts did it."""
