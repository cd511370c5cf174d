"""The coach's network in numpy: the forward pass of transformers' `BertForMaskedLM`, so that no torch is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
_EPSILON = 1e-12  # `layer_norm_eps` of BERT


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers of `config.json` that the forward pass needs."""

    layers: int
    heads: int
    positions: int


class Network:
    """Weights under the names that transformers gives them."""

    def __init__(self, weights: Mapping[str, Array], shape: Shape) -> None:
        self.shape = shape
        self.weights = {name: array.astype(np.float32, copy=False) for name, array in weights.items()}
        self.rows = self.weights["bert.embeddings.word_embeddings.weight"]  # (V, H), of the output as well
        self.bias = self.weights["cls.predictions.bias"]  # (V,)

    def states(self, ids: Array, types: Array, lengths: Sequence[int]) -> Array:
        """(B, T) int64 each, rows padded behind their lengths → (B, T, H), ready for `rows.T`."""
        prefix = "bert.embeddings"
        found = self.rows[ids] + self.weights[f"{prefix}.token_type_embeddings.weight"][types]
        found += self.weights[f"{prefix}.position_embeddings.weight"][: ids.shape[1]]
        found = self._norm(found, f"{prefix}.LayerNorm")
        hidden = np.arange(ids.shape[1])[None, :] >= np.asarray(lengths)[:, None]  # (B, T)
        mask = np.where(hidden, np.float32(-1e9), np.float32(0))[:, None, None, :]
        for layer in range(self.shape.layers):
            found = self._layer(found, mask, f"bert.encoder.layer.{layer}")
        return self._norm(
            gelu(self._linear(found, "cls.predictions.transform.dense")), "cls.predictions.transform.LayerNorm"
        )

    def _layer(self, found: Array, mask: Array, name: str) -> Array:
        attended = self._linear(
            self._attention(found, mask, f"{name}.attention.self"), f"{name}.attention.output.dense"
        )
        found = self._norm(found + attended, f"{name}.attention.output.LayerNorm")
        inner = gelu(self._linear(found, f"{name}.intermediate.dense"))
        return self._norm(found + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _attention(self, found: Array, mask: Array, name: str) -> Array:
        rows, width, size = found.shape
        parts = (self._linear(found, f"{name}.{part}") for part in ("query", "key", "value"))
        query, key, value = (part.reshape(rows, width, self.shape.heads, -1).transpose(0, 2, 1, 3) for part in parts)
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(query.shape[-1])) + mask  # (B, heads, T, T)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return (shares @ value).transpose(0, 2, 1, 3).reshape(rows, width, size)

    def _linear(self, found: Array, name: str) -> Array:
        flat = found.reshape(-1, found.shape[-1])
        made = flat @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return made.reshape(*found.shape[:-1], -1)

    def _norm(self, found: Array, name: str) -> Array:
        centred = found - found.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + _EPSILON)
        return centred / spread * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def gelu(found: Array) -> Array:
    """x · Φ(x). Source: Abramowitz and Stegun 7.1.26 for the error function, off by 1.5e-7 at most."""
    size = np.abs(found) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * size)
    sum_ = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        sum_ = (sum_ + np.float32(factor)) * t
    error = np.copysign(1 - sum_ * np.exp(-size * size), found)
    return np.float32(0.5) * found * (1 + error)


def log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
