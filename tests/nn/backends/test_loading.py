"""Every backend that runs here against the plain forward pass of the model."""

import logging
import math

import pytest
import torch

from genemamba.errors import ModelError
from genemamba.nn.backends.loading import load_backend
from genemamba.nn.backends.names import BACKENDS, TOLERANCES
from genemamba.nn.config import FUSIONS

CPU = torch.device("cpu")
# Importing torch's compiler warns of torch's own deprecations, which are not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")

ON_CPU = [name for name in BACKENDS if name != "mamba_ssm"]


def load(model, name, dtype=torch.float32):
    """Load a backend, or skip the test where it is not installed."""
    if name == "openvino":
        pytest.importorskip("openvino")
    if name == "torch-compile":
        from genemamba.nn.backends.names import cxx_compiler

        if cxx_compiler() is None:
            pytest.skip("no C++ compiler is installed")
    return load_backend(model, name, device=CPU, dtype=dtype)


def worst_share(found, expected, mask_BL):
    """Return the largest error of a gene's state as a share of the largest state."""
    return float((found - expected)[mask_BL].abs().max() / expected[mask_BL].abs().max())


@pytest.mark.parametrize("name", ON_CPU)
@pytest.mark.parametrize(
    ("dtype", "reached"),
    [(torch.float32, 5e-6), (torch.bfloat16, 3e-2)],
    ids=["float32", "bfloat16"],
)
def test_states_equal_those_of_the_model(name, dtype, reached, trained_like, minibatch):
    model = trained_like()
    input_ids_BL, mask_BL = minibatch
    expected = model(input_ids_BL, mask_BL)

    found = load(model, name, dtype)(input_ids_BL, mask_BL)

    assert found.dtype == torch.float32
    assert worst_share(found, expected, mask_BL) < reached <= TOLERANCES[dtype]


@pytest.mark.parametrize("name", ["torch", "openvino"])
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("pre_norm", [False, True], ids=["post", "pre-norm"])
def test_every_kind_of_model_gives_the_same(name, fusion, pre_norm, trained_like, minibatch):
    model = trained_like(fusion=fusion, pre_norm=pre_norm, n_layer=2)
    input_ids_BL, mask_BL = minibatch

    found = load(model, name)(input_ids_BL, mask_BL)

    assert worst_share(found, model(input_ids_BL, mask_BL), mask_BL) < 1e-5


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_states_depend_on_the_cell_alone_to_the_last_digit(name, trained_like, minibatch):
    input_ids_BL, mask_BL = minibatch
    backend = load(trained_like(), name)

    together = backend(input_ids_BL, mask_BL)
    backward = backend(input_ids_BL.flip(0), mask_BL.flip(0)).flip(0)

    for row, length in enumerate([350, 300, 70, 1]):
        alone = backend(input_ids_BL[row : row + 1, :length], mask_BL[row : row + 1, :length])
        torch.testing.assert_close(alone[0], together[row, :length], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            backward[row, :length], together[row, :length], rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("name", ["torch", "openvino", "torch-compile"])
@pytest.mark.parametrize("steps", [3.0, 30.0], ids=["steep", "forgets-at-once"])
def test_steep_decays_are_met_by_the_guard(name, steps, trained_like, minibatch):
    model = trained_like()
    for layer in model.mamba_mixer.layers:
        layer.mamba.dt_bias.add_(steps)
    input_ids_BL, mask_BL = minibatch
    expected = model.double()(input_ids_BL, mask_BL)

    found = load(model.float(), name)(input_ids_BL, mask_BL)

    # A step size of 30 is rounded to 2e-6, and that is what reaches the states.
    assert worst_share(found, expected, mask_BL) < (5e-6 if steps < 10 else 1e-4)


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_the_model_is_left_as_it_is(name, trained_like, minibatch):
    model = trained_like().train()
    before = {key: weight.clone() for key, weight in model.state_dict().items()}
    expected = model(*minibatch)

    backend = load(model, name, torch.bfloat16)
    backend(*minibatch)

    assert model.training
    assert not any(layer.mamba.reader for layer in model.mamba_mixer.layers)
    assert all(torch.equal(before[key], w) for key, w in model.state_dict().items())
    assert torch.equal(model(*minibatch), expected)


def test_float32_weights_are_shared_with_the_model(trained_like):
    model = trained_like()

    copy = load(model, "torch").model

    assert copy is not model
    assert {w.data_ptr() for w in copy.parameters()} == {w.data_ptr() for w in model.parameters()}


@pytest.mark.parametrize("fusion", FUSIONS)
def test_projections_run_once_for_both_directions(fusion, trained_like, minibatch):
    model = trained_like(fusion=fusion, n_layer=2)
    backend = load(model, "torch")
    calls = {"in_proj": 0, "out_proj": 0}
    for layer in backend.model.mamba_mixer.layers:
        for name in calls:

            def count(*_, name=name):
                calls[name] += 1

            getattr(layer.mamba, name).register_forward_hook(count)
    input_ids_BL, mask_BL = minibatch

    backend(input_ids_BL[:1], mask_BL[:1])

    assert calls == {"in_proj": 2, "out_proj": 2 if fusion in ("mean", "sum") else 4}


def test_the_choice_is_logged_with_its_reason(trained_like, caplog):
    with caplog.at_level(logging.INFO, logger="genemamba.nn.backends.loading"):
        backend = load_backend(trained_like(), "auto", device=CPU)

    assert backend.choice.name in caplog.text
    assert backend.choice.reason in caplog.text


def test_a_model_in_another_format_is_refused(trained_like):
    with pytest.raises(ModelError, match=r"Expected a model in float32, found bfloat16\. Load"):
        load_backend(trained_like().bfloat16(), "torch", device=CPU)


def test_openvino_keeps_compiled_graphs_where_it_is_told(trained_like, minibatch, tmp_path):
    pytest.importorskip("openvino")
    backend = load_backend(
        trained_like(), "openvino", device=CPU, dtype=torch.float32, cache_dir=tmp_path
    )

    backend(*minibatch)

    assert list(tmp_path.glob("*.blob"))


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_nan_is_not_swallowed_and_stays_in_its_cell(name, trained_like, minibatch):
    model = trained_like()
    model.embeddings.weight[7] = math.nan
    input_ids_BL, mask_BL = minibatch
    input_ids_BL = torch.where((input_ids_BL != 7) & mask_BL, input_ids_BL, 2)
    input_ids_BL[1, 40] = 7

    found = load(model, name)(input_ids_BL, mask_BL)

    assert found[1, :300].isnan().all()
    assert found[[0, 2, 3, 4]].isfinite().all()
