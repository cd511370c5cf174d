"""From logits to tokens: the likeliest, or one drawn."""

import torch

from reviser.models.sampling import DRAW_BITS, Sampling


def choose(logits: torch.Tensor, draws: torch.Tensor, sampling: Sampling | None) -> torch.Tensor:
    """(S, V) logits and (S,) draws, see `reviser.models.sampling` → (S,) tokens, -1 where a logit is not a number.

    Without `sampling`, and where a draw is `GREEDY`, the likeliest.
    """
    best = logits.max(dim=-1)  # a NaN is its row's maximum
    tokens = best.indices
    if sampling is not None:
        tokens = torch.where(draws < 0, tokens, _drawn(logits, draws, sampling))
    return torch.where(best.values.isnan(), -1, tokens)


def _drawn(logits: torch.Tensor, draws: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Where the draw falls in the chances added up, in the order of the vocabulary: no sorting decides between ties."""
    sums = chances(logits, sampling).cumsum(dim=-1)  # (S, V)
    points = draws.double() / 2**DRAW_BITS * sums[:, -1]  # below the sum, also rounded
    return torch.searchsorted(sums, points[:, None], right=True)[:, 0].clamp_max_(logits.shape[-1] - 1)


def chances(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """(S, V) → (S, V) float64: what each token may be drawn with, not always adding up to one."""
    logits = logits.double()
    scaled = (logits - logits.amax(dim=-1, keepdim=True)) / sampling.temperature
    if sampling.top_k:
        least = scaled.topk(min(sampling.top_k, scaled.shape[-1])).values[:, -1:]
        scaled = scaled.masked_fill(scaled < least, float("-inf"))
    likely = scaled.softmax(dim=-1)
    if sampling.top_p < 1:
        ranked = likely.sort(descending=True).values
        before = ranked.cumsum(dim=-1) - ranked  # the chance of all that are likelier
        least = ranked.masked_fill(before >= sampling.top_p, 1).amin(dim=-1, keepdim=True)
        likely = likely.masked_fill(likely < least, 0)
    return likely
