"""The engine `coach`: a small bundled tagger that mends typos, doubled words, casing and stops. No torch at import."""
