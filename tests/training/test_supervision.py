"""A model is held to have seen no label unless its version says so."""

import pytest

from genemamba.training.supervision import SAW_LABELS, saw_labels


@pytest.mark.parametrize(
    ("facets", "expected"),
    [
        ({}, False),
        ({"n_parameters": 9}, False),
        ({SAW_LABELS: False}, False),
        ({SAW_LABELS: True}, True),
    ],
    ids=["nothing said", "other facts", "said to have seen none", "said to have seen some"],
)
def test_a_model_saw_labels_where_its_version_says_so(facets, expected):
    assert saw_labels(facets) is expected
