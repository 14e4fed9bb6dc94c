"""bootstrap.py as a user runs it, in a copy of the project under a path with spaces and accents.

The copies install tiny stand-ins of torch and pytest from a folder of wheels, so that a real pip works in a real
`.venv` within seconds and without a network.
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

import bootstrap
from bootstrap import Card, choose_cuda_build
from pipeline.runtime.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
NO_CARD = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
RTX_4060 = "581.15, 8.9, NVIDIA GeForce RTX 4060 Laptop GPU"
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
    """A folder of wheels: torch that finds no card, torchvision, and a pytest that says how it was called."""
    folder = tmp_path_factory.mktemp("wheels")
    no_device = "def is_available():\n    return False\n"
    for build in ("cpu", "cu130"):
        write_wheel(folder, "torch", f"2.13.0+{build}", {"__init__.py": "from . import cuda", "cuda.py": no_device})
    write_wheel(folder, "torchvision", "0.28.0+cu130", {"__init__.py": ""})
    write_wheel(folder, "addition", "1.0", {"__init__.py": ""})
    write_wheel(folder, "pytest", "9.2.0", {"__main__.py": "import sys\nprint('pytest', sys.argv[1:])"})
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """A copy in which bootstrap.py has installed the CPU set, on a machine without a card."""
    project = copy_project(tmp_path_factory.mktemp("installed") / "meu projeto é")
    result = run_bootstrap(project, **offline(wheels))
    assert result.returncode == 0, result.stderr
    assert "Installed in" in result.stdout
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
        "requirements-dev.txt": "pytest==9.2.0\n",
        "constraints.txt": "torch==2.13.0\ntorchvision==0.28.0\npytest==9.2.0\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    write_nvidia_smi(folder.parent, NO_CARD, exit_code=9)
    return folder


def write_wheel(folder: Path, name: str, version: str, modules: dict[str, str]) -> None:
    """The smallest wheel that pip installs."""
    information = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for module, text in modules.items():
            wheel.writestr(f"{name}/{module}", text)
        wheel.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
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
        env={**os.environ, "LANGUAGE": "en", "PATH": path, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=300,
    )


def offline(wheels: Path) -> dict[str, str]:
    """The settings that make pip install from `wheels` alone."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}


def pip_commands(output: str) -> list[str]:
    """The pip commands of a dry run, from `install` on and without the constraints that each has."""
    lines = [line.partition(" -m pip ")[2] for line in output.splitlines() if " -m pip " in line]
    return [line.replace("--constraint constraints.txt ", "") for line in lines]


def log_of(project: Path) -> str:
    return (project / ".venv" / "install.log").read_text(encoding="utf-8")


def state_of(project: Path) -> dict:
    return json.loads((project / ".venv" / "bootstrap.json").read_text(encoding="utf-8"))


# --- the choice of the build ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "capability", "build"),
    [
        ("581.15", (8, 9), "cu130"),  # RTX 4060, current driver
        ("580.65.06", (9, 0), "cu130"),
        ("591.44", (12, 0), "cu130"),  # RTX 5090
        ("566.36", (8, 9), "cu126"),  # the driver of CUDA 12.7
        ("535.183.01", (8, 0), "cu126"),  # a long-term branch of servers
        ("580.95.05", (7, 0), "cu126"),  # V100: CUDA 13 no longer has code for it
        ("560.94", (6, 1), None),  # GTX 1080
    ],
)
def test_build_follows_driver_and_card(driver, capability, build):
    assert choose_cuda_build(Card("NVIDIA card", driver, capability)) == build


@pytest.mark.parametrize(
    ("driver", "capability", "needed"),
    [("516.94", (8, 9), "580"), ("572.16", (12, 0), "580"), ("470.256.02", (7, 0), "525")],
)
def test_too_old_driver_names_the_driver_to_install(driver, capability, needed):
    with pytest.raises(UserError, match=rf"install driver {needed} or newer from https://www.nvidia.com/drivers"):
        choose_cuda_build(Card("NVIDIA card", driver, capability))


def test_card_installs_the_cuda_build_of_torch_before_the_rest(project):
    write_nvidia_smi(project.parent, RTX_4060)
    result = run_bootstrap(project, "--dry-run")
    assert pip_commands(result.stdout) == [
        "install torch==2.13.0+cu130 torchvision==0.28.0+cu130 "
        "--extra-index-url https://download.pytorch.org/whl/cu130",
        "install --requirement requirements.txt",
    ]
    assert not (project / ".venv").exists()


def test_most_capable_of_several_cards_decides(project):
    write_nvidia_smi(project.parent, f"581.15, 6.1, NVIDIA GeForce GTX 1060\n{RTX_4060}")
    assert "+cu130" in run_bootstrap(project, "--dry-run").stdout


def test_too_old_card_gets_the_cpu_set(project):
    write_nvidia_smi(project.parent, "560.94, 6.1, NVIDIA GeForce GTX 1080")
    result = run_bootstrap(project, "--dry-run")
    assert "NVIDIA GeForce GTX 1080 is older than what Unsloth runs on" in result.stdout
    assert pip_commands(result.stdout)[-1] == "install --requirement requirements-cpu.txt"


def test_cpu_option_leaves_the_card_alone(project):
    write_nvidia_smi(project.parent, RTX_4060)
    result = run_bootstrap(project, "--cpu", "--dry-run")
    assert "+cu" not in result.stdout
    assert pip_commands(result.stdout)[-1] == "install --requirement requirements-cpu.txt"


def test_driver_out_of_order_is_named_and_the_cpu_set_chosen(project):
    result = run_bootstrap(project, "--dry-run")
    assert "couldn't communicate with the NVIDIA driver" in result.stdout
    assert "https://www.nvidia.com/drivers" in result.stdout
    assert pip_commands(result.stdout)[-1] == "install --requirement requirements-cpu.txt"


# --- the installation -------------------------------------------------------------------------------------------------


def test_second_run_installs_nothing_and_starts_at_once(installed):
    log, seconds = log_of(installed), []
    for _attempt in range(4):  # the best of some: other programs may hold the processor
        started = time.monotonic()
        result = run_bootstrap(installed, **CLOSED_PORT)
        seconds.append(time.monotonic() - started)
        assert result.returncode == 0, result.stderr
        assert "Installed in" not in result.stdout
    assert log_of(installed) == log
    assert min(seconds) < 1


def test_tests_bring_only_their_own_packages_and_pass_arguments_on(installed, wheels):
    before = log_of(installed)
    result = run_bootstrap(installed, "test", "-k", "a name", **offline(wheels))
    assert result.returncode == 0, result.stderr
    assert "pytest ['--numprocesses', '2', '--dist', 'loadfile', '-k', 'a name']" in result.stdout
    added = log_of(installed)[len(before) :]
    assert "Successfully installed pytest-9.2.0" in added
    assert "torch" not in added


def test_changed_requirements_are_installed(installed, wheels):
    with (installed / "requirements-cpu.txt").open("a", encoding="utf-8") as requirements:
        requirements.write("addition==1.0\n")
    result = run_bootstrap(installed, **offline(wheels))
    assert result.returncode == 0, result.stderr
    assert "Successfully installed addition-1.0" in log_of(installed)


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


def test_card_added_later_brings_its_torch_which_must_find_the_card(installed, wheels, tmp_path):
    write_nvidia_smi(tmp_path, RTX_4060)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    result = run_bootstrap(installed, PATH=path, **offline(wheels))
    assert result.returncode == 2
    assert "torch-2.13.0+cu130" in log_of(installed)
    assert "PyTorch is installed and finds no CUDA device" in result.stderr
    assert state_of(installed)["kind"] == "cpu"


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
    assert failed.stderr.splitlines()[-1].startswith("Error: The package index cannot be reached")
    assert "Traceback" not in failed.stderr
    assert "installed" not in state_of(project)

    again = run_bootstrap(project, **offline(wheels))
    assert again.returncode == 0, again.stderr
    assert "Making .venv" not in again.stdout


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


def test_full_disk_is_refused_before_anything_is_made(monkeypatch):
    monkeypatch.setitem(bootstrap.GIB_NEEDED, "cpu", 10**9)
    with pytest.raises(UserError, match=r"about 1000000000 GB are needed"):
        bootstrap.check_disk_space("cpu")


def test_argument_without_a_command_is_refused(project):
    result = run_bootstrap(project, "--profile", "demo2")
    assert result.returncode == 2
    assert not (project / ".venv").exists()
