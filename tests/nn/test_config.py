"""Impossible model configurations cannot be made."""

import pytest

from genemamba.errors import ModelError
from genemamba.nn.config import ModelConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"d_model": 0}, r"d_model=0 \(a whole number above zero\)"),
        ({"n_layer": 2.0}, r"n_layer=2.0 \(a whole number above zero\)"),
        ({"d_state": True}, r"d_state=True \(a whole number above zero\)"),
        ({"fusion": "max"}, r"fusion='max' \(one of mean, sum, concat, gate\)"),
        ({"headdim": 48}, r"headdim=48 \(a divisor of expand \* d_model = 128\)"),
        ({"padding": "left"}, r"padding='left' \(one of aware, upstream\)"),
        ({"padding": "upstream"}, r"row_seqlen=None \(a whole number above zero\)"),
        ({"row_seqlen": 0}, r"row_seqlen=0 \(None, since padding is aware\)"),
        ({"norm_eps": 0.0}, r"norm_eps=0.0 \(a number above zero\)"),
        ({"d_model": 0, "norm_eps": -1.0}, r"d_model=0 .*; norm_eps=-1.0"),
    ],
    ids=[
        "zero",
        "float",
        "bool",
        "fusion",
        "headdim",
        "padding",
        "no-row",
        "row",
        "eps",
        "all-at-once",
    ],
)
def test_impossible_value_is_refused_by_name(values, message):
    with pytest.raises(ModelError, match=message):
        ModelConfig(**({"vocab_size": 10, "d_model": 64, "n_layer": 2} | values))


def test_dict_gives_the_same_configuration_back():
    config = ModelConfig(vocab_size=10, d_model=64, n_layer=2, fusion="gate", headdim=32)

    assert ModelConfig.from_dict(config.to_dict()) == config
    assert (config.d_inner, config.nheads) == (128, 4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vocab_size": 10, "d_model": 64}, r"found \['n_layer'\] unknown or missing"),
        ({"vocab_size": 1, "d_model": 8, "n_layer": 1, "mode": "mean"}, r"found \['mode'\]"),
    ],
    ids=["missing", "unknown"],
)
def test_foreign_dict_is_refused(values, message):
    with pytest.raises(ModelError, match=message):
        ModelConfig.from_dict(values)
