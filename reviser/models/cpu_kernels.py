"""What a model computes on a CPU beside products of matrices, as Numba kernels.

torch's attention reads all rows of a call as far as the longest, in float32 alone; most of a decoding step is waiting
for those keys and values. Here each token reads its own slot as far as it sees, in the cache's own numbers.

Loops are written so that LLVM makes vector code of them: a head's width is a constant (the length of `lanes`), two
queries share what is loaded, several places are worked on at once. Sums may be taken in another order than written, but
what is no number stays none.
"""

# See docs/decisions/0128-numba-attention.md

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

_SUMS = {"reassoc", "nsz", "contract", "arcp"}
_BLOCK = 64  # places whose keys or values stay near while several queries meet them
_LOG2_E = np.float32(1.4426950408889634)
_LEAST = np.float32(-126)  # the least exponent of a normal number
_STEPS = np.float32(127)


def compiled(freedoms: set[str]) -> Callable[[Callable[..., Any]], Any]:
    """When it is first called, and kept for the next process where there is a place to keep it."""

    def compile_later(function: Callable[..., Any]) -> Any:
        try:
            return njit(fastmath=freedoms, nogil=True, cache=True)(function)
        except RuntimeError:  # neither beside the source nor in the user's own cache may anything be written
            return njit(fastmath=freedoms, nogil=True)(function)

    return compile_later


def _bitcast(_context: Any, _bits: Any) -> tuple[Any, Any]:
    from llvmlite import ir

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


_as_float: Any = intrinsic(_bitcast)  # the float32 that has the bits of an int32


@compiled(_SUMS | {"nnan"})
def _largest(scores: np.ndarray) -> np.float32:
    """Of those that are numbers."""
    largest = np.float32(-np.inf)
    for place in range(len(scores)):
        largest = max(largest, scores[place])
    return largest


@compiled(_SUMS)
def _exponentiate(scores: np.ndarray, largest: np.float32) -> np.float32:
    """Each score becomes e ** (score - largest), within two units in the last place; their sum."""
    total = np.float32(0)
    for place in range(len(scores)):
        power = (scores[place] - largest) * _LOG2_E
        power = _LEAST if power < _LEAST else power  # false for what is no number
        whole = np.floor(power + np.float32(0.5))
        part = power - whole
        value = np.float32(1.5403530393381609e-4)  # 2 ** part by its Taylor series
        value = value * part + np.float32(1.3333558146428443e-3)
        value = value * part + np.float32(9.6181291076284772e-3)
        value = value * part + np.float32(5.5504108664821580e-2)
        value = value * part + np.float32(2.4022650695910072e-1)
        value = value * part + np.float32(6.9314718055994531e-1)
        value = value * part + np.float32(1)
        value *= _as_float((np.int32(whole) + np.int32(127)) << np.int32(23))  # 2 ** whole, by its bits
        scores[place] = value
        total += value
    return total


@compiled(_SUMS)
def _dot(
    lanes: Any, one: np.ndarray, two: np.ndarray, keys: np.ndarray, scores: np.ndarray, others: np.ndarray
) -> None:
    """The products of two queries with each key."""
    width, count, place = len(lanes), len(keys), 0
    while place + 4 <= count:
        a = b = c = d = np.float32(0)
        e = f = g = h = np.float32(0)
        for lane in range(width):
            first, second = one[lane], two[lane]
            key0, key1 = np.float32(keys[place, lane]), np.float32(keys[place + 1, lane])
            key2, key3 = np.float32(keys[place + 2, lane]), np.float32(keys[place + 3, lane])
            a += first * key0
            e += second * key0
            b += first * key1
            f += second * key1
            c += first * key2
            g += second * key2
            d += first * key3
            h += second * key3
        scores[place], scores[place + 1], scores[place + 2], scores[place + 3] = a, b, c, d
        others[place], others[place + 1], others[place + 2], others[place + 3] = e, f, g, h
        place += 4
    while place < count:
        a = e = np.float32(0)
        for lane in range(width):
            key0 = np.float32(keys[place, lane])
            a += one[lane] * key0
            e += two[lane] * key0
        scores[place], others[place] = a, e
        place += 1


@compiled(_SUMS)
def _mix(
    lanes: Any, shares: np.ndarray, others: np.ndarray, values: np.ndarray, one: np.ndarray, two: np.ndarray
) -> None:
    """Add to two outputs the values by their shares."""
    width, count, place = len(lanes), len(values), 0
    while place + 8 <= count:
        a, b, c, d = shares[place], shares[place + 1], shares[place + 2], shares[place + 3]
        e, f, g, h = shares[place + 4], shares[place + 5], shares[place + 6], shares[place + 7]
        i, j, k, m = others[place], others[place + 1], others[place + 2], others[place + 3]
        n, o, p, q = others[place + 4], others[place + 5], others[place + 6], others[place + 7]
        for lane in range(width):
            v0, v1 = np.float32(values[place, lane]), np.float32(values[place + 1, lane])
            v2, v3 = np.float32(values[place + 2, lane]), np.float32(values[place + 3, lane])
            v4, v5 = np.float32(values[place + 4, lane]), np.float32(values[place + 5, lane])
            v6, v7 = np.float32(values[place + 6, lane]), np.float32(values[place + 7, lane])
            one[lane] += a * v0 + b * v1 + c * v2 + d * v3 + e * v4 + f * v5 + g * v6 + h * v7
            two[lane] += i * v0 + j * v1 + k * v2 + m * v3 + n * v4 + o * v5 + p * v6 + q * v7
        place += 8
    while place < count:
        for lane in range(width):
            value = np.float32(values[place, lane])
            one[lane] += shares[place] * value
            two[lane] += others[place] * value
        place += 1


@compiled(_SUMS)
def _take(lanes: Any, query: np.ndarray, share: int, scaling: np.float32, rows: np.ndarray) -> None:
    """Queries of one head's tokens, (T, G, D), scaled, as rows: (T * G, D)."""
    for token in range(len(query)):
        for head in range(share):
            for lane in range(len(lanes)):
                rows[token * share + head, lane] = query[token, head, lane] * scaling


@compiled(_SUMS)
def _give(lanes: Any, rows: np.ndarray, share: int, out: np.ndarray) -> None:
    """The way back."""
    for token in range(len(out)):
        for head in range(share):
            for lane in range(len(lanes)):
                out[token, head, lane] = rows[token * share + head, lane]


@compiled(_SUMS)
def _score(lanes: Any, rows: np.ndarray, keys: np.ndarray, scores: np.ndarray) -> None:
    """The product of each row with each key; an odd number of rows has a row of scratch behind."""
    block = len(keys) if len(rows) <= 2 else _BLOCK
    for first in range(0, len(keys), block):
        held = keys[first : first + block]
        for row in range(0, len(rows), 2):
            _dot(lanes, rows[row], rows[row + 1], held, scores[row, first:], scores[row + 1, first:])


@compiled(_SUMS)
def _gather(lanes: Any, scores: np.ndarray, values: np.ndarray, rows: np.ndarray) -> None:
    """Each row becomes the sum of the values by its shares."""
    block = len(values) if len(rows) <= 2 else _BLOCK
    rows[:] = 0
    for first in range(0, len(values), block):
        held = values[first : first + block]
        for row in range(0, len(rows), 2):
            _mix(lanes, scores[row, first:], scores[row + 1, first:], held, rows[row], rows[row + 1])


@compiled(_SUMS)
def _times(numbers: np.ndarray, factors: np.ndarray, factor: np.float32) -> None:
    for place in range(len(numbers)):
        numbers[place] *= factors[place] * factor


@compiled(_SUMS)
def attend(
    lanes: Any,  # a tuple of D numbers
    query: np.ndarray,  # (N, H * G, D)
    keys: np.ndarray,  # (slot, H, place, D), float32 or int8
    values: np.ndarray,  # as keys
    key_scales: Any,  # (slot, H, place) float32; None where the keys are their own numbers
    value_scales: Any,  # as key_scales
    spans: np.ndarray,  # (R, 4) int64: slot, first place, first token in the stream, tokens
    scaling: np.float32,
    out: np.ndarray,  # (N, H * G, D), of these spans' tokens
    scores: np.ndarray,  # scratch, (at least T * G + 1, places)
    rows: np.ndarray,  # scratch, (at least T * G + 1, D)
) -> None:
    """The tokens of each span see the places of its slot up to their own."""
    heads, one = keys.shape[1], np.float32(1)
    share = query.shape[1] // heads
    for slot, start, offset, tokens in spans:
        stream, end, asked = slice(offset, offset + tokens), start + tokens, tokens * share
        queries = rows[: asked + asked % 2]  # what has no partner is computed beside whatever scratch holds
        for head in range(heads):
            mine = slice(head * share, head * share + share)
            _take(lanes, query[stream, mine], share, scaling, rows)
            _score(lanes, queries, keys[slot, head, :end], scores)
            for row in range(asked):
                seen = scores[row, : start + row // share + 1]
                if key_scales is not None:
                    _times(seen, key_scales[slot, head], one)
                part = one / _exponentiate(seen, _largest(seen))
                if value_scales is not None:
                    _times(seen, value_scales[slot, head], part)
                else:
                    seen *= part
                scores[row, len(seen) : end] = 0
            _gather(lanes, scores, values[slot, head, :end], queries)
            _give(lanes, rows, share, out[stream, mine])


@compiled(_SUMS | {"nnan"})
def _size(numbers: np.ndarray) -> np.float32:
    """The largest, without its sign, of those that are numbers."""
    largest = np.float32(0)
    for place in range(len(numbers)):
        largest = max(largest, abs(numbers[place]))
    return largest


@compiled(_SUMS)
def _oddity(numbers: np.ndarray) -> np.float32:
    """0, or no number where one is none or without end."""
    total = np.float32(0)
    for place in range(len(numbers)):
        total += numbers[place] * np.float32(0)
    return total


@compiled(_SUMS)
def keep(rows: np.ndarray, new: np.ndarray, kept: np.ndarray, scales: Any) -> None:
    """Put `new`, (N, H, D) float32, into the rows (H * N,), head by head, of `kept`, (row, D) float32 or int8.

    In int8 a row's scale, (row,) float32, is its largest number's; where one is no number, neither is the scale.
    """
    count, width = len(new), new.shape[2]
    for head in range(new.shape[1]):
        for token in range(count):
            row, numbers = rows[head * count + token], new[token, head]
            if scales is None:
                kept[row] = numbers
            else:
                size, odd = _size(numbers), _oddity(numbers)
                factor = _STEPS / size if size > 0 and odd == 0 else np.float32(0)
                scales[row] = size / _STEPS + odd
                for lane in range(width):
                    kept[row, lane] = np.int8(np.rint(numbers[lane] * factor))


@compiled(_SUMS)
def to_unit(inputs: np.ndarray, unit: np.ndarray, largest: np.ndarray) -> None:
    """Divide each row of (N, I) float32 by its largest number's size, kept in `largest`, (N,).

    What is no number, or without end, makes `largest` none.
    """
    for row in range(len(inputs)):
        size = max(_size(inputs[row]), np.float32(1e-12))
        largest[row] = size + _oddity(inputs[row])
        factor = np.float32(1) / size
        for place in range(inputs.shape[1]):
            unit[row, place] = inputs[row, place] * factor


@compiled(_SUMS)
def normalise(rows: np.ndarray, weight: np.ndarray, epsilon: np.float32, out: np.ndarray) -> None:
    """Each row of (N, W) float32 over its root mean square, times `weight`, (W,). Source: arXiv 1910.07467."""
    width = rows.shape[1]
    for row in range(len(rows)):
        squares = np.float32(0)
        for place in range(width):
            squares += rows[row, place] * rows[row, place]
        factor = np.float32(1) / np.sqrt(squares / np.float32(width) + epsilon)
        for place in range(width):
            out[row, place] = weight[place] * (rows[row, place] * factor)
