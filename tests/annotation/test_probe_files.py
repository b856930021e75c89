"""A head on disk."""

import dataclasses

import numpy as np
import pytest

from genemamba.annotation.linear_probe import fit_probe
from genemamba.annotation.probe_files import PROBE_FILE, load_probe, save_probe
from genemamba.errors import ModelError


@pytest.fixture(scope="module")
def probe():
    rng = np.random.default_rng(0)
    labels = np.array(["T", "β cell", "B, naive"])[np.arange(60) % 3]
    return fit_probe(rng.normal(size=(60, 4)), labels, seed=0)


def test_a_loaded_probe_is_the_saved_one(probe, tmp_path):
    save_probe(tmp_path / "new", probe)

    found = load_probe(tmp_path / "new")

    assert found.classes == probe.classes == ("B, naive", "T", "β cell")
    for name in ("mean", "scale", "weights", "bias"):
        np.testing.assert_array_equal(getattr(found, name), getattr(probe, name))


def test_equal_probes_give_equal_bytes(probe, tmp_path):
    for name in ("first", "again"):
        save_probe(tmp_path / name, probe)

    first, again = ((tmp_path / name / PROBE_FILE).read_bytes() for name in ("first", "again"))
    assert first == again


def test_a_model_without_a_head_says_what_to_do(tmp_path):
    with pytest.raises(ModelError, match=r"was not fine-tuned on labels\. Fine-tune it"):
        load_probe(tmp_path)


def test_a_damaged_file_is_refused(probe, tmp_path):
    save_probe(tmp_path, probe)
    content = (tmp_path / PROBE_FILE).read_bytes()
    (tmp_path / PROBE_FILE).write_bytes(content[:-8])

    with pytest.raises(ModelError, match=r"Expected a linear head in .*, found a damaged file"):
        load_probe(tmp_path)


def test_labels_and_weights_that_do_not_belong_together_are_refused(probe, tmp_path):
    save_probe(tmp_path, dataclasses.replace(probe, classes=probe.classes[:2]))

    with pytest.raises(ModelError, match=r"weights of shape \(2, 4\) for 2 labels"):
        load_probe(tmp_path)
