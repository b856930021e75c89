"""Canonical text, digests and the description of code and environment."""

import hashlib
import importlib.metadata
from pathlib import Path

import pytest

from genemamba.provenance import (
    canonical_json,
    code_version,
    digest_json,
    environment_spec,
    library_version,
    source_digest,
)


def test_equal_values_have_one_canonical_text():
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'


def test_a_digest_is_the_hash_of_the_canonical_text():
    expected = hashlib.sha256(b'{"a":1}').hexdigest()

    assert digest_json({"a": 1}) == f"sha256:{expected}"


def test_a_number_that_json_lacks_has_no_digest():
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_json({"loss": float("nan")})


def test_a_source_digest_covers_exactly_the_named_modules():
    errors, keys = (
        f"{name}\t{hashlib.sha256(Path('genemamba', name).read_bytes()).hexdigest()}\n"
        for name in ("errors.py", "keys.py")
    )
    expected = hashlib.sha256((errors + keys).encode()).hexdigest()

    assert source_digest("errors.py", "keys.py") == f"sha256:{expected}"


def test_code_is_described_by_version_and_commit():
    code = code_version("flows.x", ["errors.py"])

    assert code.entrypoint == "flows.x"
    assert code.package_version == importlib.metadata.version("genemamba-atlas")
    assert code.git_commit is None or len(code.git_commit) == 40


def test_the_environment_lists_the_installed_libraries():
    libraries = environment_spec()["libraries"]

    assert libraries["numpy"] == importlib.metadata.version("numpy")
    assert library_version("scib-metrics") == f"scib-metrics@{libraries['scib-metrics']}"
    assert library_version("not-a-library") == "not-a-library@absent"
