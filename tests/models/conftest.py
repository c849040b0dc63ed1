import pytest
import torch

from wesep_like.audio.torchaudio_import import torchaudio
from wesep_like.models import build_tse

# Sizes small enough for a test; what is not here is small enough by itself.
TINY_SEPARATORS = {
    "bsrnn": {"channels": 4, "hidden_dim": 3, "mask_dim": 5, "num_blocks": 2},
    "conv_tasnet": {
        "num_filters": 12,
        "bottleneck_dim": 4,
        "hidden_dim": 6,
        "num_layers": 2,
        "num_repeats": 2,
    },
    "spex_plus": {
        "num_filters": 8,
        "bottleneck_dim": 4,
        "hidden_dim": 6,
        "num_layers": 2,
        "num_repeats": 2,
    },
    "sepformer": {
        "num_filters": 12,
        "channels": 4,
        "hidden_dim": 6,
        "num_layers": 1,
        "num_heads": 2,
        "chunk_frames": 10,
    },
    "dpccn": {"channels": 2, "tcn_dim": 6, "num_tcns": 2, "num_tcn_layers": 2},
    "tfgridnet": {
        "channels": 4,
        "hidden_dim": 3,
        "num_blocks": 2,
        "num_heads": 2,
        "query_dim": 130,
        "window_ms": 8.0,
        "hop_ms": 4.0,
    },
}
# As in config.json; without dropout, so that training can be compared with itself.
TINY_WAVLM = {
    "model_type": "wavlm",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8, 8, 8],
    "conv_kernel": [10, 8, 4],
    "conv_stride": [5, 8, 4],
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "num_buckets": 8,
    "max_bucket_distance": 16,
    "hidden_dropout": 0.0,
    "activation_dropout": 0.0,
    "attention_dropout": 0.0,
}
TINY_FRONTEND = {
    "source": "nowhere/tiny",  # of which nothing is read
    "architecture": TINY_WAVLM,
    "normalize": True,
    "tuned": "all",
}
TINY_SPEAKERS = {
    **{
        f"resnet{depth}": {"channels": 2, "embed_dim": 12}
        for depth in (18, 34, 50, 101, 152, 221, 293)
    },
    **{
        f"gemini_dfresnet{depth}": {"channels": 3, "embed_dim": 12} for depth in (60, 114, 183, 237)
    },
    "simam_resnet34": {"channels": 2, "embed_dim": 12},
    "simam_resnet100": {"channels": 2, "embed_dim": 12},
    "res2net34": {"channels": 2, "embed_dim": 12},
    "eres2net34": {"channels": 4, "embed_dim": 12},
    "repvgg": {"channels": 8, "embed_dim": 12},
    "ecapa_tdnn": {"channels": 16, "embed_dim": 12},
    "campplus": {"embed_dim": 12},
    "xvector": {"channels": 4, "pooled_dim": 16, "embed_dim": 12},
    "dvector_lstm": {
        "num_layers": 1,
        "hidden_dim": 12,
        "projection_dim": 8,
        "window_frames": 8,
        "embed_dim": 12,
    },
    "gmm_ubm": {"num_components": 3, "num_cepstra": 4, "num_bins": 12},
    "ivector": {"num_components": 3, "num_cepstra": 4, "num_bins": 12, "embed_dim": 12},
    "redimnet": {"size": "B0", "num_bins": 12, "embed_dim": 12},
    "ssl": {"frontend": TINY_FRONTEND, "embed_dim": 12},
    "ssl_ecapa_tdnn": {"frontend": TINY_FRONTEND, "channels": 16, "embed_dim": 12},
    "ssl_mhfa": {
        "frontend": TINY_FRONTEND,
        "num_heads": 3,
        "compression_dim": 5,
        "embed_dim": 12,
    },
    "twin_encoder": {"channels": 4, "embed_dim": 12},
}


@pytest.fixture(scope="session")
def tiny_section(onnx_encoder):
    """The `model` section of a small model: `(speaker, fusion, fuse_before, separator)`.

    `fusion` is a name, or a section.
    """

    def make(speaker="ecapa_tdnn", fusion="film", fuse_before="every", separator=None):
        if speaker.startswith("ssl"):
            pytest.importorskip("transformers", reason="wants the extra [ssl]")
        separator = separator or ("spex_plus" if speaker == "twin_encoder" else "bsrnn")
        options = TINY_SPEAKERS.get(speaker, {})
        if speaker == "onnx":
            options = {"path": str(onnx_encoder(12))}
        return {
            "separator": {"name": separator, **TINY_SEPARATORS.get(separator, {})},
            "speaker": {"name": speaker, **options},
            "fusion": {"name": fusion} if isinstance(fusion, str) else fusion,
            "fuse_before": fuse_before,
        }

    return make


@pytest.fixture
def tiny_model(tiny_section):
    """Builds a small model from what `tiny_section` takes."""
    return lambda *args, sample_rate=16000: build_tse(tiny_section(*args), sample_rate)


@pytest.fixture
def tiny_pipelines(monkeypatch, tmp_path):
    """Two tiny pipelines of torchaudio, TINY_WAVLM and TINY_WAV2VEC2, whose weights are fetched."""
    cache = tmp_path / "torch"
    monkeypatch.setenv("TORCH_HOME", str(cache))
    (cache / "hub" / "checkpoints").mkdir(parents=True)
    params = {
        "extractor_mode": "group_norm",
        "extractor_conv_layer_config": [(8, 10, 10), (8, 8, 8)],
        "extractor_conv_bias": False,
        "encoder_embed_dim": 16,
        "encoder_projection_dropout": 0.1,
        "encoder_pos_conv_kernel": 8,
        "encoder_pos_conv_groups": 2,
        "encoder_num_layers": 2,
        "encoder_num_heads": 2,
        "encoder_attention_dropout": 0.1,
        "encoder_ff_interm_features": 24,
        "encoder_ff_interm_dropout": 0.1,
        "encoder_dropout": 0.1,
        "encoder_layer_norm_first": False,
        "encoder_layer_drop": 0.5,
        "aux_num_out": None,
    }
    kinds = {
        "TINY_WAVLM": (
            "WavLM",
            {**params, "encoder_num_buckets": 8, "encoder_max_distance": 16},
            torchaudio.models.wavlm_model,
        ),
        "TINY_WAV2VEC2": (
            "Wav2Vec2",
            {**params, "encoder_layer_norm_first": True, "extractor_mode": "layer_norm"},
            torchaudio.models.wav2vec2_model,
        ),
    }
    models = {}
    for name, (kind, sizes, make) in kinds.items():
        bundle = torchaudio.pipelines.Wav2Vec2Bundle(f"{name}.pth", sizes, 16000, True, kind)
        monkeypatch.setattr(torchaudio.pipelines, name, bundle, raising=False)
        models[name] = make(**sizes).eval()
        torch.save(models[name].state_dict(), cache / "hub" / "checkpoints" / f"{name}.pth")
    return models
