"""Words that people take for one another: forms of one verb or noun, and words that sound alike."""

_GROUPS = (
    "their there they're",
    "its it's",
    "your you're",
    "then than",
    "to too two",
    "of off have",
    "lose loose",
    "affect effect",
    "accept except",
    "whose who's",
    "were where we're",
    "quite quiet quit",
    "a an the",
    "is are",
    "was were",
    "has have had",
    "do does did",
    "in on at",
    "for to of",
    "from of",
    "this these",
    "that those",
    "much many",
    "less fewer few",
    "advice advise",
    "weather whether",
    "by with",
    "it they them",
    "who which that",
    "principal principle",
    "passed past",
    "threw through",
    "brake break",
    "piece peace",
    "bear bare",
    "hear here",
    "know now no",
    "new knew",
    "right write",
    "sun son",
    "which witch",
    "would wood",
    "one won",
    "by buy",
    "be been",
    "go goes went gone",
    "come came",
    "take took taken",
    "give gave given",
    "make made",
    "see saw seen",
    "get got",
    "write wrote written",
    "begin began begun",
    "become became",
    "eat ate eaten",
    "know knew known",
    "say said",
    "child children",
    "man men",
    "woman women",
    "person people",
    "live life lives",
    "choose chose chosen",
    "good well",
    "your you",
    "our are",
    "any some",
    "other another",
    "among between",
    "every everyone",
    "cant can't",
    "dont don't",
    "doesnt doesn't",
    "isnt isn't",
    "im i'm",
    "ive i've",
    "wont won't",
    "didnt didn't",
    "thats that's",
    "theres there's",
    "whats what's",
    "youre you're",
    "couldnt couldn't",
    "wouldnt wouldn't",
    "shouldnt shouldn't",
    "wasnt wasn't",
    "arent aren't",
    "havent haven't",
    "hasnt hasn't",
    "lets let's",
)
_ENDINGS = ("", "s", "es", "ed", "d", "ing", "er", "ly")


def kin_of(word: str) -> set[str]:
    """Possible kin, `word` itself excluded; not all of them are words."""
    found = {other for group in _GROUPS if word in group.split() for other in group.split()}
    if len(word) > 3:
        for stem in _stems(word):
            found |= {stem + ending for ending in _ENDINGS}
            if stem.endswith("y"):
                found |= {f"{stem[:-1]}ies", f"{stem[:-1]}ied"}
            if stem.endswith("e"):
                found |= {f"{stem[:-1]}ing"}
    found.discard(word)
    return found


def _stems(word: str) -> set[str]:
    stems = {word}
    for ending in _ENDINGS[1:]:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word[: -len(ending)]
            stems |= {stem, f"{stem}e"}
    if word.endswith(("ies", "ied")):
        stems.add(f"{word[:-3]}y")
    return {stem for stem in stems if len(stem) >= 3}
