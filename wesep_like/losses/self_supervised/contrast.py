"""Contrastive losses: a crop is to find the other crop of its utterance among those of others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def nt_xent(
    pairs: Tensor, temperature: float, others: Tensor | None = None, first: int = 0
) -> Tensor:
    """How far each crop is from finding its partner among all crops but itself (NT-Xent).

    Args:
        pairs: What the head says of two crops of each utterance, (2, batch, dim).
        temperature: What cosines are divided by.
        others: Among whom they are looked for, (2, utterances, dim), with `pairs` in it; None:
            `pairs` alone.
        first: Where among these `pairs` begin.

    Returns:
        The mean over all of `pairs`.

    Source:
        Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML
        2020, eq. 1.
    """
    others = pairs if others is None else others
    batch, num = pairs.shape[1], others.shape[1]
    own, among = (normalize(of.float(), dim=-1).flatten(0, 1) for of in (pairs, others))
    with torch.autocast(pairs.device.type, enabled=False):  # a small temperature divides these
        cosine = own @ among.T / temperature
    place = first + torch.arange(batch, device=pairs.device)
    itself = torch.cat([place, num + place])
    partner = torch.cat([num + place, place])
    cosine = cosine.scatter(1, itself[:, None], -torch.inf)
    return cross_entropy(cosine, partner)


def queue_contrast(query: Tensor, key: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """How far each query is from telling its key from those in a queue (InfoNCE).

    Args:
        query: (batch, dim).
        key: Of another crop of the same utterance, (batch, dim).
        queue: Keys of other utterances, of length 1, (keys, dim).
        temperature: What cosines are divided by.

    Returns:
        The mean over the batch.

    Source:
        He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020,
        eq. 1.
    """
    query, key = (normalize(of.float(), dim=-1) for of in (query, key))
    with torch.autocast(query.device.type, enabled=False):  # a small temperature divides these
        cosine = torch.cat([(query * key).sum(-1, keepdim=True), query @ queue.T], dim=1)
    right = torch.zeros(len(query), dtype=torch.long, device=query.device)
    return cross_entropy(cosine / temperature, right)
