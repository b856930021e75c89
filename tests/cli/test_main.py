"""Commands are found late, missing ones say what to install, and errors become exit codes."""

import importlib.metadata
import json
import subprocess
import sys
from importlib.abc import MetaPathFinder

import pytest
from click.testing import CliRunner

import genemamba
from genemamba.cli.main import LIBRARY_COMMANDS, cli
from tests.support import ROOT

FLOW_COMMANDS = ("run", "ingest", "pretrain", "embed", "annotate", "evaluate")


class Absent(MetaPathFinder):
    """Makes a package or module look as if it were not installed."""

    def __init__(self, package):
        self.package = package

    def find_spec(self, name, path=None, target=None):
        if name == self.package:
            msg = f"No module named {name!r}"
            raise ModuleNotFoundError(msg, name=name)


@pytest.fixture
def without(monkeypatch):
    """Take a package away."""

    def take_away(package):
        for name in list(sys.modules):
            if name == package or name.startswith(f"{package}."):
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "meta_path", [Absent(package), *sys.meta_path])

    return take_away


def test_help_lists_the_commands_of_library_and_flows(run):
    done = run("--help")

    assert done.code == 0
    listed = done.out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == sorted([*LIBRARY_COMMANDS, *FLOW_COMMANDS])
    assert not any("absent" in line for line in listed)


@pytest.mark.parametrize(
    "command",
    [pytest.param(name, id=name) for name in (*LIBRARY_COMMANDS, *FLOW_COMMANDS)],
)
def test_every_command_has_help(command):
    result = CliRunner().invoke(cli, [command, "--help"])

    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: cli {command}")


def test_listing_the_commands_loads_neither_orchestrator_nor_model():
    code = (
        "import sys; from genemamba.cli.main import main; sys.argv = ['genemamba', '--help']\n"
        "try: main()\n"
        "except SystemExit: print([m for m in ('prefect', 'torch', 'anndata') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_that_of_the_package(run):
    assert run("--version") == (0, f"genemamba, version {genemamba.__version__}\n", "")
    assert importlib.metadata.version("genemamba-atlas") == genemamba.__version__


@pytest.mark.parametrize("command", [pytest.param(name, id=name) for name in FLOW_COMMANDS])
def test_with_the_wheel_alone_a_flow_says_where_it_is(run, without, command):
    without("flows")

    done = run(command, "x.h5ad", "--atlas", "lung", "--unheard-of")

    assert (done.code, done.out) == (2, "")
    assert f"`genemamba {command}` needs the module flows." in done.err
    assert "clone the repository and run `make venv` there" in done.err


def test_an_absent_command_is_listed_as_such(run, without):
    without("flows")

    done = run("--help")

    assert done.code == 0
    assert done.out.count("(absent)") == len(FLOW_COMMANDS)


def test_a_defect_of_a_command_is_not_taken_for_an_absent_one(run, without):
    without("genemamba.cli.doctor")

    with pytest.raises(ModuleNotFoundError, match=r"genemamba\.cli\.doctor"):
        run("doctor")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["nope"], "No such command 'nope'", id="command"),
        pytest.param(["atlas", "show"], "Missing argument 'NAME[@NUMBER]'", id="argument"),
        pytest.param(["history"], "Missing option '--atlas'", id="option"),
        pytest.param(["atlas", "list", "--nope"], "No such option", id="unknown option"),
        pytest.param([], "Usage: ", id="nothing"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_writes_no_result(run, home, arguments, message):
    done = run(*arguments)

    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not home.exists()


def test_refused_input_exits_with_2(run, monkeypatch):
    monkeypatch.setenv("GENEMAMBA_CONFIG", "absent.toml")

    done = run("atlas", "list")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("genemamba: Expected a file of settings")


def test_refused_input_is_one_json_document_where_that_was_asked_for(run, monkeypatch):
    monkeypatch.setenv("GENEMAMBA_CONFIG", "absent.toml")

    done = run("atlas", "list", "--json")

    assert json.loads(done.out) == {
        "error": {
            "kind": "InputError",
            "message": done.err.removeprefix("genemamba: ").rstrip("\n"),
            "expected": "a file of settings where GENEMAMBA_CONFIG says",
            "found": "none at absent.toml",
            "remedy": "Correct GENEMAMBA_CONFIG, or unset it.",
        }
    }


def test_a_failure_exits_with_1_and_is_a_json_document_too(run):
    done = run("atlas", "show", "lung", "--json")

    message = "Expected the name of a recorded atlas, found 'lung'. Known: nothing yet."
    assert done.code == 1
    assert done.err == f"genemamba: {message}\n"
    assert json.loads(done.out) == {"error": {"kind": "CatalogError", "message": message}}


def test_an_interrupt_exits_with_1_without_a_traceback(run, monkeypatch):
    from genemamba.cli import atlas

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(atlas, "open_catalog", interrupted)

    done = run("atlas", "list")

    assert (done.code, done.out, done.err.strip()) == (1, "", "Stopped.")
