import hashlib
import json

import pytest

from genemamba.catalog.keys import work_key
from genemamba.catalog.values import Edge


def test_the_key_is_the_digest_of_sorted_compact_json(make_artifact):
    store, model = make_artifact("store"), make_artifact("model")
    text = json.dumps(
        {
            "code": "sha256:c",
            "inputs": [["model", model.digest], ["store", store.digest]],
            "params": {"batch_size": 8},
            "stage": "embed",
        },
        separators=(",", ":"),
    )

    key = work_key(
        "embed", [Edge("store", store), Edge("model", model)], {"batch_size": 8}, "sha256:c"
    )

    assert key == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_the_key_ignores_order_and_place_of_inputs(make_artifact):
    here = [Edge("store", make_artifact("a")), Edge("store", make_artifact("b"))]
    there = [
        Edge("store", make_artifact("b", uri="s3://bucket/b")),
        Edge("store", make_artifact("a", kind="other")),
    ]

    assert work_key("embed", here, {}, "c") == work_key("embed", there, {}, "c")


@pytest.mark.parametrize(
    ("stage", "role", "name", "params", "code"),
    [
        pytest.param("annotate", "store", "a", {"k": 1}, "c", id="stage"),
        pytest.param("embed", "query", "a", {"k": 1}, "c", id="role"),
        pytest.param("embed", "store", "b", {"k": 1}, "c", id="digest"),
        pytest.param("embed", "store", "a", {"k": 2}, "c", id="params"),
        pytest.param("embed", "store", "a", {"k": 1}, "d", id="code"),
    ],
)
def test_the_key_changes_with(make_artifact, stage, role, name, params, code):
    before = work_key("embed", [Edge("store", make_artifact("a"))], {"k": 1}, "c")

    assert work_key(stage, [Edge(role, make_artifact(name))], params, code) != before


def test_a_parameter_that_json_cannot_hold_has_no_key():
    with pytest.raises(ValueError, match="not JSON compliant"):
        work_key("embed", [], {"threshold": float("nan")}, "c")
