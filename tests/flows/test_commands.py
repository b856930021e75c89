"""Options of the flows' commands: what is refused before any work, and what reaches the flow."""

import inspect
import re
import subprocess
import sys
from dataclasses import asdict, fields

import pytest
from click.testing import CliRunner

from flows import commands
from flows.annotate_atlas import annotate_atlas
from flows.embed_atlas import embed_atlas
from flows.evaluate_atlas import evaluate_atlas
from flows.ingest_deposit import ingest_deposit, inspect_deposit
from flows.pretrain_model import pretrain_model
from flows.process_atlas import process_atlas
from genemamba.errors import InputError
from tasks.settings import DepositSettings
from tests.support import ROOT

NOT_FOR_FLOWS = {"as_json", "dry_run"}

FLOWS = [
    pytest.param(commands.run, process_atlas, id="run"),
    pytest.param(commands.ingest, ingest_deposit, id="ingest"),
    pytest.param(commands.ingest, inspect_deposit, id="ingest --dry-run"),
    pytest.param(commands.pretrain, pretrain_model, id="pretrain"),
    pytest.param(commands.embed, embed_atlas, id="embed"),
    pytest.param(commands.annotate, annotate_atlas, id="annotate"),
    pytest.param(commands.evaluate, evaluate_atlas, id="evaluate"),
]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home that only work would make."""
    monkeypatch.setenv("GENEMAMBA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def invoke(command, *arguments):
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(("command", "flow"), FLOWS)
def test_every_option_reaches_the_flow_and_none_is_missing(command, flow):
    options = {parameter.name for parameter in command.params} - NOT_FOR_FLOWS
    wanted = set(inspect.signature(flow.fn).parameters)
    if "settings" in wanted:
        wanted = wanted - {"settings"} | {field.name for field in fields(DepositSettings)}

    assert options == wanted


@pytest.mark.parametrize(("command", "flow"), FLOWS)
def test_defaults_of_command_and_flow_are_the_same(command, flow):
    parameters = inspect.signature(flow.fn).parameters.values()
    expected = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.default is not inspect.Parameter.empty
    }
    required = ["x.h5ad"] if "sources" in inspect.signature(flow.fn).parameters else []

    context = command.make_context("command", [*required, "--atlas", "lung"])
    if settings := expected.pop("settings", None):
        expected |= asdict(settings)

    assert {name: context.params[name] for name in expected} == expected


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("lung@3", id="with a number"),
        pytest.param("atlas:lung", id="with a kind"),
        pytest.param("my lung", id="space"),
        pytest.param("../lung", id="path"),
        pytest.param(".lung", id="dot in front"),
        pytest.param("lung\n", id="new line"),
        pytest.param("", id="empty"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [pytest.param(commands.run, id="run"), pytest.param(commands.ingest, id="ingest")],
)
def test_a_name_that_no_atlas_can_bear_is_refused_before_any_work(home, command, name):
    result = invoke(command, "x.h5ad", "--atlas", name)

    assert result.exit_code == 2
    assert f"Expected letters, digits, '_', '.' and '-', found {name!r}." in result.stderr
    assert not home.exists()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(commands.pretrain, id="pretrain"),
        pytest.param(commands.embed, id="embed"),
        pytest.param(commands.annotate, id="annotate"),
        pytest.param(commands.evaluate, id="evaluate"),
    ],
)
def test_a_version_may_be_named_where_nothing_is_added(home, command):
    context = command.make_context("command", ["--atlas", "lung.2-b@3"])
    refused = [invoke(command, "--atlas", ref) for ref in ("lung@", "@3", "annotation:lung@3")]

    assert context.params["atlas"] == "lung.2-b@3"
    assert [result.exit_code for result in refused] == [2, 2, 2]
    assert not home.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--threshold", "1.1"], "1.1 is not in the range 0<=x<=1", id="threshold"),
        pytest.param(["--max-error", "0"], "0.0 is not in the range 0<x<1", id="no error"),
        pytest.param(["--max-error", "1"], "1.0 is not in the range 0<x<1", id="any error"),
        pytest.param(
            ["--head", "oracle"], "'oracle' is not one of 'probe', 'neighbors'", id="head"
        ),
        pytest.param(["--max-cells", "99"], "99 is not in the range x>=100", id="max cells"),
        pytest.param(["--steps", "0"], "0 is not in the range x>=1", id="steps"),
        pytest.param(["--seed", "-1"], "-1 is not in the range 0<=x<=4294967295", id="seed"),
        pytest.param(["--preset", "huge"], "'huge' is not one of 'tiny', 'small', 'base'", id="p"),
        pytest.param(["--device", "abacus"], "works here, found 'abacus' (", id="unknown device"),
        pytest.param(["--device", "cuda:99"], "works here, found 'cuda:99' (", id="no device"),
        pytest.param([], "Missing argument 'SOURCE...'", id="no source"),
    ],
)
def test_an_impossible_option_is_refused_before_any_work(home, options, message):
    sources = ["x.h5ad"] if options else []

    result = invoke(commands.run, *sources, "--atlas", "lung", *options)

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not home.exists()


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        pytest.param(
            commands.evaluate,
            [["--split", "splits.tsv.gz"], ["--hold-out", "cells"], ["--study-key", "study"]],
            "Expected --split without --hold-out and --study-key, found both.",
            id="split",
        ),
        pytest.param(
            commands.annotate,
            [["--add-labels", "{labels}"], ["--label-mapping", "{labels}"]],
            "Expected --add-labels without --label-mapping, found both.",
            id="added labels",
        ),
    ],
)
def test_options_that_rule_each_other_out_are_refused_in_any_order(
    home, tmp_path, command, options, message
):
    rows = "".join(f"c{number},new type\n" for number in range(5))
    (tmp_path / "labels.csv").write_text("cell_id,label\n" + rows)
    given = [[one.format(labels=tmp_path / "labels.csv") for one in pair] for pair in options]

    for ordered in (given, given[::-1]):
        result = invoke(command, "--atlas", "lung", *(word for pair in ordered for word in pair))

        assert result.exit_code == 2
        assert message in " ".join(result.stderr.split())
        assert not home.exists()


def test_what_is_no_gmt_is_refused_with_its_line_before_any_work(home, tmp_path):
    (tmp_path / "sets.csv").write_text("gene,set\nCD19,B cell\n")

    result = invoke(commands.pretrain, "--atlas", "lung", "--gene-sets", str(tmp_path / "sets.csv"))

    assert result.exit_code == 2
    assert "found 1 fields and 0 genes in line 1. Give a GMT" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("option", "path", "expected"),
    [
        pytest.param("--out", "cells.h5ad", r"ends in \.zarr, found .*cells\.h5ad", id="ending"),
        pytest.param("--genes", "genes.csv", r"ends in \.tsv\.gz, found .*genes", id="no table"),
        pytest.param("--out", "there.zarr", "at which nothing is yet, found", id="there"),
        pytest.param("--out", "absent/cells.zarr", "in a folder of this machine", id="no folder"),
    ],
)
def test_a_place_where_no_copy_can_be_is_refused_before_any_work(
    home, tmp_path, option, path, expected
):
    (tmp_path / "there.zarr").mkdir()

    result = invoke(commands.embed, "--atlas", "lung", option, str(tmp_path / path))

    assert isinstance(result.exception, InputError)
    assert re.search(f"Expected a path .*{expected}", str(result.exception))
    assert not home.exists()


def test_options_are_read_without_loading_the_orchestrator():
    code = (
        "import sys; sys.argv = ['genemamba', 'run', 'x', '--atlas', 'a b']\n"
        "from genemamba.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as stop: print(stop.code, 'prefect' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout == "2 False\n"
