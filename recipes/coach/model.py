"""The coach's network: a small BERT whose masked-word head also knows a row for each tag."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix, hstack
from sklearn.decomposition import TruncatedSVD
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM

from coachlm.coaching.lessons import UNKNOWN
from recipes.coach.batches import ROW_TOKENS, Batch
from reviser.coach.lexicon import CASE_TAGS_AT, GAP_TAGS_AT, PAD, TYPES, WORD_TAGS_AT, WORDS_AT, Lexicon
from reviser.coach.words import Token

HIDDEN = 160
LAYERS = 4
_CONTEXTS = 2_000  # the commonest words, as neighbours
_REACH = (-2, -1, 1, 2)


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean negative log-likelihoods, and the share of positions that are tagged right."""

    word: torch.Tensor
    gap: torch.Tensor
    case: torch.Tensor
    meant: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        return 2 * self.word + self.gap + self.case + 0.3 * self.meant

    def values(self) -> tuple[float, ...]:
        return tuple(float(loss.detach()) for loss in (self.word, self.gap, self.case, self.meant))


def new_model(rows: int) -> Any:
    config = BertConfig(
        vocab_size=rows,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HIDDEN // 32,
        intermediate_size=4 * HIDDEN,
        max_position_embeddings=ROW_TOKENS,
        type_vocab_size=TYPES,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=PAD,
    )
    return BertForMaskedLM(config)


def losses(model: Any, batch: Batch) -> Losses:
    ids, types = torch.from_numpy(batch.ids), torch.from_numpy(batch.types)
    states = model.bert(ids, token_type_ids=types, attention_mask=(ids != 0).long()).last_hidden_state
    states = model.cls.predictions.transform(states).flatten(0, 1)  # (B * T, H)
    rows, bias = model.bert.embeddings.word_embeddings.weight, model.cls.predictions.bias
    tags = states @ rows[WORD_TAGS_AT:WORDS_AT].T + bias[WORD_TAGS_AT:WORDS_AT]
    ends = [0, GAP_TAGS_AT - WORD_TAGS_AT, CASE_TAGS_AT - WORD_TAGS_AT, WORDS_AT - WORD_TAGS_AT]
    groups = [tags[:, start:end] for start, end in pairwise(ends)]
    wanted = [torch.from_numpy(each).flatten() for each in (batch.word, batch.gap, batch.case)]
    meant = torch.from_numpy(batch.meant).flatten()
    at = (meant != UNKNOWN).nonzero().flatten()
    chosen = functional.cross_entropy(states[at] @ rows.T + bias, meant[at])
    found = [
        functional.cross_entropy(logits, tag, ignore_index=UNKNOWN) for logits, tag in zip(groups, wanted, strict=True)
    ]
    return Losses(found[0], found[1], found[2], chosen)


def neighbour_embeddings(texts: Sequence[Sequence[Token]], lexicon: Lexicon) -> np.ndarray:
    """(rows, HIDDEN): words by the company they keep (positive pointwise information, its largest components)."""
    stream = np.concatenate(
        [np.array([row for row, _ in lexicon.columns(text, frozenset())] + [0, 0]) for text in texts]
    )
    tables: list[Any] = []
    for reach in _REACH:
        here, there = (stream[:-reach], stream[reach:]) if reach > 0 else (stream[-reach:], stream[:reach])
        kept = there < WORDS_AT + _CONTEXTS
        shape = (len(lexicon), WORDS_AT + _CONTEXTS)
        counts = csr_matrix((np.ones(kept.sum()), (here[kept], there[kept])), shape=shape)
        counts.sum_duplicates()
        together = counts.tocoo()
        total, left, right = counts.sum(), np.asarray(counts.sum(1)).ravel(), np.asarray(counts.sum(0)).ravel()
        shared = np.log(together.data * total / (left[together.row] * right[together.col]))
        tables.append(csr_matrix((np.maximum(shared, 0), (together.row, together.col)), shape=shape))
    found = TruncatedSVD(HIDDEN, n_iter=4, random_state=0).fit_transform(hstack(tables).tocsr())
    found /= np.linalg.norm(found, axis=1, keepdims=True) + 1e-6
    return (found * 0.04 * np.sqrt(HIDDEN)).astype(np.float32)
