"""Errors carry their parts, also from one process to another."""

import pickle

import pytest

from genemamba import errors
from genemamba.errors import GeneMambaError, GenesError, InputError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, GeneMambaError)
]


def test_refused_input_says_what_was_expected_found_and_to_be_done():
    error = InputError(expected="raw counts", found="-1", remedy="Use adata.raw.")

    assert str(error) == "Expected raw counts, found -1. Use adata.raw."


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.__name__) for kind in KINDS])
def test_an_error_comes_out_of_another_process_as_it_was(kind):
    error = (
        kind(expected="human genes", found="mouse", remedy="Map them.")
        if issubclass(kind, InputError)
        else kind("Expected a store.")
    )

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), vars(copy)) == (kind, str(error), vars(error))


def test_every_error_is_drawn_in_the_tree_under_its_parents():
    lines = errors.__doc__.splitlines()

    for kind in KINDS[1:]:
        (line,) = (line for line in lines if f"── {kind.__name__}" in line)
        builtin = [base.__name__ for base in kind.__bases__ if base.__module__ == "builtins"]
        assert all(f"({name})" in line for name in builtin)
        indented = line.startswith("    │")
        assert indented == (GeneMambaError not in kind.__bases__)


def test_every_refusal_is_caught_as_input_error_and_as_value_error():
    with pytest.raises(ValueError, match="Expected human genes, found mouse") as caught:
        raise GenesError(expected="human genes", found="mouse", remedy="Map them.")

    assert isinstance(caught.value, InputError)
