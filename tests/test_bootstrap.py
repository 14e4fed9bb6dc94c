"""bootstrap.py as a user runs it, in a copy of the project under a path with spaces and accents.

The copies install tiny stand-ins of torch, pytest and the other tools from a folder of wheels, so that the real pip
and the real uv work in a real `.venv` within seconds and without a network.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import uv

import bootstrap
from pipeline.command import machine, uv_and_pip
from pipeline.runtime.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
NO_CARD = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
RTX_4060 = "8.9, NVIDIA GeForce RTX 4060 Laptop GPU"
NO_PYTORCH_INDEX = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_PROXY": ""}
CLOSED_PORT = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_RETRIES": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_FIND_LINKS": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what bootstrap.py needs, with nothing installed."""
    return copy_project(tmp_path / "meu projeto é")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels: torch that finds no card, and tools that say how they were called. uv is the real one."""
    folder = tmp_path_factory.mktemp("wheels")
    no_device = "def ones(*size, device):\n    raise RuntimeError('no device')\n"
    write_wheel(folder, "torch", "2.13.0+cpu", {"__init__.py": no_device})
    write_wheel(folder, "torchvision", "0.28.0+cu130", {"__init__.py": ""})
    write_wheel(folder, "addition", "1.0", {"__init__.py": ""})
    write_wheel(folder, "weights", "1.0", {"__init__.py": ""}, requires="a-package-that-nobody-has")
    echo = "import sys\nprint({name!r}, sys.argv[1:])\nsys.exit({name!r} in open('failing.txt').read())\n"
    write_wheel(folder, "pytest", "9.2.0", {"__main__.py": echo.format(name="pytest")})
    write_wheel(folder, "ruff", "0.17.6", {"__main__.py": echo.format(name="ruff")})
    lint = "def lint_imports_command():\n    print('lint-imports')\n"
    write_wheel(folder, "importlinter", "2.17", {"__init__.py": "", "cli.py": lint})
    real = f"import subprocess, sys\nsys.exit(subprocess.call([{uv.find_uv_bin()!r}, *sys.argv[1:]]))\n"
    write_wheel(folder, "uv", "0.13.9", {"__main__.py": real})
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """A copy in which bootstrap.py has installed the CPU set, on a machine without a card."""
    project = copy_project(tmp_path_factory.mktemp("installed") / "meu projeto é")
    result = run_bootstrap(project, **offline(wheels))
    assert result.returncode == 0, result.stderr
    assert "Installed in" in result.stdout
    assert "+ torch==2.13.0+cpu" in result.stderr, "uv installs"
    assert "+ weights==1.0" in result.stderr, "without the package that it requires"
    assert "process_data.py --profile demo" in result.stdout
    return project


def copy_project(folder: Path) -> Path:
    """Copy bootstrap.py and its modules, with requirements that the folder of wheels fulfils."""
    folder.mkdir()
    shutil.copy(ROOT / "bootstrap.py", folder)
    for package in ("pipeline", "locale"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    files = {
        "requirements-cpu.txt": "torch==2.13.0  # tensors\n",
        "requirements.txt": "-r requirements-cpu.txt\ntorchvision==0.28.0; python_version > '3'  # images\n",
        "requirements-dev.txt": "pytest==9.2.0\nruff\nimportlinter\n",
        "requirements-no-deps.txt": "weights==1.0\n",
        "constraints.txt": "torch==2.13.0\ntorchvision==0.28.0\npytest==9.2.0\nuv==0.13.9\n",
        "failing.txt": "",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    write_nvidia_smi(folder.parent, NO_CARD, exit_code=9)
    return folder


def write_wheel(folder: Path, name: str, version: str, modules: dict[str, str], requires: str = "") -> None:
    """The smallest wheel that pip installs."""
    information = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for module, text in modules.items():
            wheel.writestr(f"{name}/{module}", text)
        wheel.writestr(f"{information}/METADATA", metadata)
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{information}/RECORD", "")


def write_nvidia_smi(folder: Path, output: str, exit_code: int = 0) -> None:
    """Put into `folder` a program named nvidia-smi that prints `output`."""
    (folder / "output.txt").write_text(output + "\n", encoding="utf-8")
    if os.name == "nt":
        text = f'@type "%~dp0output.txt"\n@exit /b {exit_code}\n'
        (folder / "nvidia-smi.cmd").write_text(text, encoding="utf-8")
    else:
        text = f'#!/bin/sh\ncat "$(dirname "$0")/output.txt"\nexit {exit_code}\n'
        (folder / "nvidia-smi").write_text(text, encoding="utf-8")
        (folder / "nvidia-smi").chmod(0o755)


def run_bootstrap(project: Path, *arguments: str, python: str = sys.executable, **environment: str):
    """Run the copy of bootstrap.py from another folder, in English, with the stand-in of nvidia-smi first on PATH."""
    path = f"{project.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [python, project / "bootstrap.py", *arguments],
        cwd=project.parent,
        env={**os.environ, "LANGUAGE": "en", "PATH": path, **NO_PYTORCH_INDEX, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=300,
    )


def offline(wheels: Path) -> dict[str, str]:
    """The settings of pip with which pip, and so uv too, installs from `wheels` alone."""
    from_wheels = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
    return {**from_wheels, "UV_CACHE_DIR": str(wheels.parent / "cache of uv")}


def uv_commands(output: str) -> list[str]:
    """What a dry run lets uv install: what follows the constraints that each of its commands has."""
    lines = [line for line in output.splitlines() if " -m uv pip install " in line]
    return [line.partition("--constraint constraints.txt ")[2] for line in lines]


def state_of(project: Path) -> dict:
    return json.loads((project / ".venv" / "bootstrap.json").read_text(encoding="utf-8"))


# --- the choice of the build ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capability", "backend"),
    [
        ((8, 9), "auto"),  # RTX 4060
        ((12, 0), "auto"),  # RTX 5090
        ((7, 5), "auto"),  # T4
        ((7, 0), "cu126"),  # V100: CUDA 13 no longer has code for it
        ((6, 1), "cpu"),  # GTX 1080: nor has Unsloth
        ((0, 0), "cpu"),  # none
    ],
)
def test_kind_of_pytorch_follows_the_card(monkeypatch, capability, backend):
    monkeypatch.setattr(bootstrap, "find_card", lambda: (capability, "NVIDIA card"))
    assert bootstrap.choose_kind(False, {}) == backend


@pytest.mark.parametrize(
    ("with_uv", "options"),
    [
        (True, ["--upgrade", "--torch-backend=auto"]),
        (False, ["--upgrade", "--extra-index-url", "https://download.pytorch.org/whl/cu130"]),
    ],
)
def test_card_takes_torch_from_pytorchs_index_before_the_rest(monkeypatch, with_uv, options):
    monkeypatch.setattr(uv_and_pip, "answers", lambda address: True)
    torch, rest, without_dependencies = uv_and_pip.commands_for("python", "run", "auto", with_uv)
    assert torch[torch.index("torch") :] == ["torch", "torchvision", *options]
    assert rest[-2:] == ["--requirement", "requirements.txt"]
    assert without_dependencies[-3:] == ["--no-deps", "--requirement", "requirements-no-deps.txt"]


def test_card_where_pytorchs_index_cannot_be_reached(project):
    write_nvidia_smi(project.parent, RTX_4060)
    result = run_bootstrap(project, "--dry-run")
    assert uv_commands(result.stdout) == [
        "torch torchvision",
        "--requirement requirements.txt",
        "--no-deps --requirement requirements-no-deps.txt",
    ]
    assert "https://download.pytorch.org/whl/ does not answer" in result.stderr
    assert not (project / ".venv").exists()


def test_most_capable_of_several_cards_decides(project):
    write_nvidia_smi(project.parent, f"6.1, NVIDIA GeForce GTX 1060\n{RTX_4060}")
    assert "torchvision" in run_bootstrap(project, "--dry-run").stdout


def test_too_old_card_gets_the_cpu_set(project):
    write_nvidia_smi(project.parent, "6.1, NVIDIA GeForce GTX 1080")
    result = run_bootstrap(project, "--dry-run")
    assert "NVIDIA GeForce GTX 1080 is older than what Unsloth runs on" in result.stdout
    assert uv_commands(result.stdout)[-2] == "--requirement requirements-cpu.txt"


def test_cpu_option_leaves_the_card_alone(project):
    write_nvidia_smi(project.parent, RTX_4060)
    result = run_bootstrap(project, "--cpu", "--dry-run")
    assert "torchvision" not in result.stdout
    assert uv_commands(result.stdout)[-2] == "--requirement requirements-cpu.txt"


def test_driver_out_of_order_is_named_and_the_cpu_set_chosen(project):
    result = run_bootstrap(project, "--dry-run")
    assert "couldn't communicate with the NVIDIA driver" in result.stdout
    assert "https://www.nvidia.com/drivers" in result.stdout
    assert uv_commands(result.stdout)[-2] == "--requirement requirements-cpu.txt"


# --- the installation -------------------------------------------------------------------------------------------------


def test_second_run_installs_nothing_and_starts_at_once(installed):
    seconds = []
    for _attempt in range(4):  # the best of some: other programs may hold the processor
        started = time.monotonic()
        result = run_bootstrap(installed, **CLOSED_PORT)
        seconds.append(time.monotonic() - started)
        assert result.returncode == 0, result.stderr
        assert "Installing" not in result.stdout
    assert min(seconds) < 1


def test_test_brings_its_own_packages_checks_the_code_and_passes_arguments_on(installed, wheels):
    result = run_bootstrap(installed, "test", "-k", "a name", **offline(wheels))
    assert result.returncode == 0, result.stderr
    assert "+ pytest==9.2.0" in result.stderr
    assert "torch" not in result.stderr
    shown = [line for line in result.stdout.splitlines() if line.startswith(("===", "ruff", "lint", "pytest"))]
    assert shown == [
        "=== ruff check ===",
        "ruff ['check', '.']",
        "=== ruff format --check ===",
        "ruff ['format', '--check', '.']",
        "=== lint-imports ===",
        "lint-imports",
        "=== pytest ===",
        "pytest ['--numprocesses', '2', '--dist', 'loadfile', '-k', 'a name']",
    ]


@pytest.mark.parametrize("tool", ["ruff", "pytest"])
def test_test_fails_where_a_check_or_a_test_fails(installed, wheels, tool):
    (installed / "failing.txt").write_text(tool, encoding="utf-8")
    result = run_bootstrap(installed, "test", **offline(wheels))
    (installed / "failing.txt").write_text("", encoding="utf-8")
    assert result.returncode != 0
    assert "pytest [" in result.stdout, "the tests run also where a check fails"
    assert ("Failed before the tests: ruff check, ruff format --check." in result.stderr) == (tool == "ruff")


def test_changed_requirements_are_installed(installed, wheels):
    with (installed / "requirements-cpu.txt").open("a", encoding="utf-8") as requirements:
        requirements.write("addition==1.0\n")
    result = run_bootstrap(installed, **offline(wheels))
    assert result.returncode == 0, result.stderr
    assert "+ addition==1.0" in result.stderr
    assert "+ torch" not in result.stderr


def test_demo_runs_the_scripts_in_order_and_stops_at_the_first_that_fails(installed, wheels):
    for script in bootstrap.DEMO_SCRIPTS:
        (installed / script).write_text("import sys\nprint(sys.argv)\n", encoding="utf-8")
    (installed / "rag_indexing.py").write_text("import sys\nsys.exit(7)\n", encoding="utf-8")
    result = run_bootstrap(installed, "demo", "--language", "pt_BR", "--rag.top_k", "2", **offline(wheels))
    assert result.returncode == 7
    shown = [line for line in result.stdout.splitlines() if line.startswith(("===", "["))]
    arguments = "'--profile', 'demo', '--language', 'pt_BR', '--rag.top_k', '2'"
    expected = []
    for number, script in enumerate(bootstrap.DEMO_SCRIPTS[:5], start=1):
        expected += [f"=== {number}/8  {script} ===", f"['{script}', {arguments}]"]
    assert shown == expected[:-1]


def test_card_added_later_must_run_torch(installed, wheels, tmp_path):
    write_nvidia_smi(tmp_path, RTX_4060)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    result = run_bootstrap(installed, PATH=path, **offline(wheels))
    assert result.returncode == 2
    assert "+ torchvision==0.28.0+cu130" in result.stderr
    assert "PyTorch is installed and cannot use the NVIDIA card" in result.stderr
    assert "kind" not in state_of(installed)


def test_copied_project_gets_a_venv_of_its_own_and_says_so(installed, wheels, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(installed, copy, symlinks=True)
    result = run_bootstrap(copy, "--cpu", **offline(wheels))
    assert result.returncode == 0, result.stderr
    assert "was moved or copied here from" in result.stdout
    assert "Making .venv" in result.stdout
    assert str(copy / ".venv") in (copy / ".venv" / "pyvenv.cfg").read_text(encoding="utf-8") or os.name == "nt"


def test_broken_venv_of_somebody_else_is_left_alone(project):
    (project / ".venv").mkdir()
    (project / ".venv" / "mine").write_text("kept", encoding="utf-8")
    result = run_bootstrap(project)
    assert result.returncode == 2
    assert "was not made by bootstrap.py and is left alone" in result.stderr
    assert (project / ".venv" / "mine").read_text(encoding="utf-8") == "kept"


def test_no_network_ends_in_one_sentence_and_the_next_run_goes_on(project, wheels):
    failed = run_bootstrap(project, **CLOSED_PORT)
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith("Error: The installation did not finish; the lines above say why")
    assert "Traceback" not in failed.stderr
    assert "installed" not in state_of(project)

    again = run_bootstrap(project, **offline(wheels))
    assert again.returncode == 0, again.stderr
    assert "Making .venv" not in again.stdout


def test_pip_installs_where_uv_cannot_be_had(project, wheels, tmp_path):
    without_uv = tmp_path / "without_uv"
    shutil.copytree(wheels, without_uv, ignore=shutil.ignore_patterns("uv-*"))
    result = run_bootstrap(project, "test", **offline(without_uv))
    assert result.returncode == 0, result.stderr
    assert "The package uv cannot be had here: pip installs instead" in result.stdout
    assert "Successfully installed torch-2.13.0+" in result.stdout
    assert "Successfully installed weights-1.0" in result.stdout


def test_uv_gets_the_settings_of_pip(installed, monkeypatch, tmp_path):
    settings = tmp_path / "pip.conf"
    settings.write_text(
        "[global]\nindex-url = https://mirror/simple\nfind-links =\n  one\n  two\ncert = company.pem\n"
        "[install]\nindex-url = https://mirror/install\n",
        encoding="utf-8",
    )
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")) or name == "SSL_CERT_FILE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://more/simple")
    monkeypatch.setenv("UV_FIND_LINKS", "of-the-user")
    environment = uv_and_pip.environment_of_installers(sys.executable)
    assert environment["UV_DEFAULT_INDEX"] == "https://mirror/install"
    assert environment["UV_INDEX"] == "https://more/simple"
    assert environment["UV_FIND_LINKS"] == "of-the-user"
    assert environment["SSL_CERT_FILE"] == "company.pem"


# --- what fails says what to do ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["3.6", "3.9", "3.14"])
def test_wrong_python_is_named_in_both_languages(project, version):
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    result = run_bootstrap(project, python=python)
    assert result.returncode == 2
    assert "This needs Python 3.10 to 3.13" in result.stderr
    assert "É preciso ter Python 3.10 a 3.13" in result.stderr
    assert "Traceback" not in result.stderr


def find_python(version: str) -> str | None:
    """A Python of this version: pyenv's, or one on PATH."""
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    return str(pyenv[-1]) if pyenv else shutil.which(f"python{version}")


def test_missing_venv_module_names_the_package(project, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n", encoding="utf-8")
    result = run_bootstrap(project, "--cpu", PYTHONPATH=str(tmp_path))
    assert result.returncode == 2
    assert f"sudo apt install python3.{sys.version_info.minor}-venv" in result.stderr
    assert not (project / ".venv").exists()


def test_full_disk_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(UserError, match=r"about 1000000000 GB are needed"):
        machine.check_disk_space(tmp_path, 10**9)


def test_argument_without_a_command_is_refused(project):
    result = run_bootstrap(project, "--profile", "demo2")
    assert result.returncode == 2
    assert not (project / ".venv").exists()
