"""Texts for the tests of the bundled coach."""

CLEAN = (
    "The town lies on a small river, and its people work in the old mill. In the morning they walk across the bridge "
    "because the road is closed. There is a school, a market and a library. Most of the children learn to swim "
    "before they can read, which is why their parents are not afraid of the water."
)
DAMAGED = (
    "The town lies on a small river, and its people wrok in the old mill. In the morning they walk across the the "
    "bridge becuase the road is closed . There is a school, a markte and a library. Most of the childern learn to "
    "swim before they can read, which is why their parents are not afraid of of the water."
)
MENDED = CLEAN
