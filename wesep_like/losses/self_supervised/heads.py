"""What stands on an encoder while it learns without labels; thrown away afterwards."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize


class Projection(nn.Sequential):
    """Two layers, as SimCLR and MoCo v2 have them.

    Args:
        embed_dim: Width of the embedding.
        hidden_dim: Between the layers.
        out_dim: Of what is compared.

    Source:
        Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML
        2020, section 4.2; Chen et al., "Improved Baselines with Momentum Contrastive Learning",
        2020.
    """

    def __init__(self, embed_dim: int, hidden_dim: int, out_dim: int) -> None:
        super().__init__(
            nn.Linear(embed_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, out_dim)
        )


class PrototypeHead(nn.Module):
    """Says how much an embedding is like each of many learnt prototypes, by cosines.

    Args:
        embed_dim: Width of the embedding.
        out_dim: Prototypes.
        hidden_dim: Of the layers before.
        bottleneck_dim: In which prototypes are compared.
        num_layers: Before that.
        batch_norm: After each layer but the last.

    Source:
        Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021,
        appendix C: prototypes are of length 1, as with their `norm_last_layer`.
    """

    def __init__(
        self,
        embed_dim: int,
        out_dim: int,
        hidden_dim: int,
        bottleneck_dim: int,
        num_layers: int,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(num_layers - 1):
            layers.append(nn.Linear(hidden_dim if number else embed_dim, hidden_dim))
            layers += [nn.BatchNorm1d(hidden_dim)] if batch_norm else []
            layers.append(nn.GELU())
        layers.append(nn.Linear(hidden_dim if num_layers > 1 else embed_dim, bottleneck_dim))
        for layer in layers:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        self.layers = nn.Sequential(*layers)
        self.prototypes = nn.Parameter(torch.randn(out_dim, bottleneck_dim))

    def forward(self, embedding: Tensor) -> Tensor:
        """(items, embed) -> cosines (items, prototypes), in full precision."""
        found = self.layers(embedding)
        with torch.autocast(found.device.type, enabled=False):  # small temperatures divide these
            return linear(normalize(found.float(), dim=-1), normalize(self.prototypes, dim=-1))
