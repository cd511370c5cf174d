"""Slot attention for GPUs as Triton kernels: a tile of query tokens reads its own slot as far as it sees, no further.

Flash attention's running softmax, products in the inputs' type, sums in float32. Where few tiles would leave most of
the GPU idle, several programs share a tile's places and a second kernel adds their parts up (flash decoding).
"""

import triton
import triton.language as tl


@triton.jit
def attend_tiles(
    query,  # (H * share, N, width), by its strides
    keys,  # (slot, H, place, width), by its strides
    values,
    out,  # (N, H * share, width); written by a single split
    parts,  # (M, H, splits, rows, width_block) float32; written by several splits, as are:
    peaks,  # (M, H, splits, rows) float32
    weights,  # (M, H, splits, rows) float32
    slots,  # (M,)
    starts,  # (M,)
    counts,  # (M,)
    offsets,  # (M,)
    query_head,
    query_token,
    slot_size,
    head_size,
    scale,  # with a factor of log2(e)
    share: tl.constexpr,  # query heads of a key head
    width: tl.constexpr,
    width_block: tl.constexpr,
    rows: tl.constexpr,  # at least the tile's tokens times share
    places: tl.constexpr,  # read at once
    splits: tl.constexpr,
):
    tile, head, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    count = tl.load(counts + tile).to(tl.int32)
    if count == 0:
        return
    start = tl.load(starts + tile).to(tl.int32)
    offset = tl.load(offsets + tile).to(tl.int32)
    row = tl.arange(0, rows)
    token, mate = row // share, row % share
    column = tl.arange(0, width_block)
    asked = (token < count)[:, None] & (column < width)[None, :]
    at = (head * share + mate) * query_head + (offset + token) * query_token
    q = tl.load(query + at[:, None] + column[None, :], mask=asked, other=0.0)

    length = start + count
    sees = start + token  # the last place
    stretch = tl.cdiv(tl.cdiv(length, splits), places) * places
    base = tl.load(slots + tile) * slot_size + head * head_size
    peak = tl.full([rows], float("-inf"), tl.float32)
    weight = tl.zeros([rows], tl.float32)
    mixed = tl.zeros([rows, width_block], tl.float32)
    for first in range(split * stretch, tl.minimum(length, (split + 1) * stretch), places):
        place = first + tl.arange(0, places)
        cell = base + place[:, None] * width + column[None, :]
        inside = (place < length)[:, None] & (column < width)[None, :]
        k = tl.load(keys + cell, mask=inside, other=0.0).to(q.dtype)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        scores = tl.where(place[None, :] <= sees[:, None], scores, float("-inf"))
        higher = tl.maximum(peak, tl.max(scores, 1))
        level = tl.where(higher == float("-inf"), 0.0, higher)  # a row that sees nothing of this split
        chance = tl.exp2(scores - level[:, None])
        fade = tl.exp2(peak - level)
        v = tl.load(values + cell, mask=inside, other=0.0).to(q.dtype)
        mixed = mixed * fade[:, None] + tl.dot(chance.to(q.dtype), v, input_precision="ieee")
        weight = weight * fade + tl.sum(chance, 1)
        peak = higher

    if splits == 1:
        cell = (offset + token) * tl.num_programs(1) * share + head * share + mate
        seen = (mixed / weight[:, None]).to(out.dtype.element_ty)
        tl.store(out + cell[:, None] * width + column[None, :], seen, mask=asked)
    else:
        part = ((tile * tl.num_programs(1) + head) * splits + split) * rows + row
        tl.store(parts + part[:, None] * width_block + column[None, :], mixed)
        tl.store(peaks + part, peak)
        tl.store(weights + part, weight)


@triton.jit
def join_splits(
    parts,
    peaks,
    weights,
    out,
    counts,
    offsets,
    share: tl.constexpr,
    width: tl.constexpr,
    width_block: tl.constexpr,
    rows: tl.constexpr,
    splits: tl.constexpr,
):
    """As `attend_tiles` wrote them; the first split always sees something."""
    tile, head = tl.program_id(0), tl.program_id(1)
    count = tl.load(counts + tile).to(tl.int32)
    if count == 0:
        return
    offset = tl.load(offsets + tile).to(tl.int32)
    row = tl.arange(0, rows)
    token, mate = row // share, row % share
    column = tl.arange(0, width_block)
    first = (tile * tl.num_programs(1) + head) * splits * rows + row
    level = tl.load(peaks + first)
    for split in range(1, splits):
        level = tl.maximum(level, tl.load(peaks + first + split * rows))
    weight = tl.zeros([rows], tl.float32)
    mixed = tl.zeros([rows, width_block], tl.float32)
    for split in range(splits):
        part = first + split * rows
        fade = tl.exp2(tl.load(peaks + part) - level)
        weight += tl.load(weights + part) * fade
        mixed += tl.load(parts + part[:, None] * width_block + column[None, :]) * fade[:, None]
    cell = (offset + token) * tl.num_programs(1) * share + head * share + mate
    asked = (token < count)[:, None] & (column < width)[None, :]
    seen = (mixed / weight[:, None]).to(out.dtype.element_ty)
    tl.store(out + cell[:, None] * width + column[None, :], seen, mask=asked)
