"""What a token of a draft costs, beside what a row costs in a step without drafts."""

import numpy as np

_MEMORY = 0.995  # what a step still counts after each later one: the last few hundred decide
_OUTLIER = 3.0  # times what a step is expected to take
_OUTLIERS_IN_A_ROW = 8
_LEAST_SHARE = 0.02


class FixedCost:
    """A step costs `overhead_tokens` and one for each of its tokens."""

    def __init__(self, overhead_tokens: float) -> None:
        self._overhead = overhead_tokens

    def token_share(self, rows: int) -> float:
        """What a draft token costs, as a share of what one of `rows` rows costs in a step without drafts."""
        return 1 / (self._overhead / rows + 1)

    def observe(self, rows: int, draft_tokens: int, seconds: float) -> None:
        """Nothing changes it."""


class MeasuredCost:
    """seconds = a + b * rows + c * draft tokens, fitted by least squares to the last few hundred steps that decode.

    What a token costs beside a step differs with device, precision, model and batch by a factor of ten. Steps that
    took far longer than expected (another process had the core) are left out.
    """

    def __init__(self, first_guess: FixedCost) -> None:
        self._guess = first_guess
        self._forget()

    def _forget(self) -> None:
        self._products = np.zeros((3, 3))
        self._targets = np.zeros(3)
        self._weights: np.ndarray | None = None  # (a, b, c); None: nothing measured yet
        self._outliers = 0

    def token_share(self, rows: int) -> float:
        if self._weights is None:
            return self._guess.token_share(rows)
        base, row, token = self._weights
        whole = base + row * rows
        return float(min(max(token * rows / whole, _LEAST_SHARE), 1.0)) if whole > 0 else 1.0

    def observe(self, rows: int, draft_tokens: int, seconds: float) -> None:
        """A step in which every row decoded."""
        features = np.array([1.0, rows, draft_tokens])
        if self._weights is None:
            self._begin(rows, seconds / (rows / self._guess.token_share(rows) + draft_tokens))
        elif seconds > _OUTLIER * max(float(self._weights @ features), 1e-9):
            self._outliers += 1
            if self._outliers == _OUTLIERS_IN_A_ROW:  # it is what a step costs now
                self._forget()
            return
        self._outliers = 0
        self._products = self._products * _MEMORY + np.outer(features, features)
        self._targets = self._targets * _MEMORY + features * seconds
        self._weights = np.linalg.solve(self._products, self._targets)

    def _begin(self, rows: int, token_seconds: float) -> None:
        """As if a few steps had been seen that cost what the first guess says."""
        for guessed_rows in (1, max(rows // 2, 1), rows, rows + 1):
            for draft_tokens in (0, rows, 3 * rows):
                features = np.array([1.0, guessed_rows, draft_tokens])
                tokens = guessed_rows / self._guess.token_share(guessed_rows) + draft_tokens
                self._products += np.outer(features, features)
                self._targets += features * tokens * token_seconds
