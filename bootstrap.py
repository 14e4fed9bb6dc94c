"""Make `.venv` beside this file, install what this machine needs, then run the demo or the tests.

    python bootstrap.py          install only, and print the next command
    python bootstrap.py demo     then run scripts 1 to 7 with the bundled catalogue and model
    python bootstrap.py test     then run the test suite

Arguments that are not its own go on to every script of the demo (`--language pt_BR`) or to pytest (`-k name`).
Standard library only: nothing is installed yet when this runs. A later run installs nothing and starts at once.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    # Before everything else, since what follows uses what other versions lack; in both languages, since choosing one
    # is part of what follows.
    sys.stderr.write(
        f"This needs Python 3.10 to 3.13, and {sys.executable} is Python {platform.python_version()}: install one of "
        "them from https://www.python.org/downloads/ and run this again with it (Windows: py -3.12 bootstrap.py; "
        "Linux and macOS: python3.12 bootstrap.py).\n"
        f"É preciso ter Python 3.10 a 3.13, e {sys.executable} é o Python {platform.python_version()}: instale um "
        "deles a partir de https://www.python.org/downloads/ e execute de novo com ele (Windows: py -3.12 "
        "bootstrap.py; Linux e macOS: python3.12 bootstrap.py).\n"
    )
    sys.exit(2)

from pipeline.errors import UserError  # noqa: E402 - needs the Python that was checked above
from pipeline.messages import LANGUAGES, N_, _, set_language  # noqa: E402

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STATE_FILE = VENV / "bootstrap.json"
LOG_FILE = VENV / "install.log"

DEMO_SCRIPTS = (
    "process_data.py",
    "foundation_model.py",
    "fine_tuning.py",
    "ft_test_trained_model.py",
    "rag_indexing.py",
    "rag_search_vs.py",
    "rag_model_retriever.py",
)

LOCK = "constraints.txt"
CPU_REQUIREMENTS = "requirements-cpu.txt"
CUDA_REQUIREMENTS = "requirements.txt"
DEV_REQUIREMENTS = "requirements-dev.txt"
PYTORCH_INDEX = "https://download.pytorch.org/whl/"
CPU = "cpu"  # beside the tags of CUDA_BUILDS: the kind of PyTorch that is installed

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
PROBE_SECONDS = 5
GIB = 2**30
# Room for the packages and for the archives that pip keeps: the CPU set takes 2.2 GiB with the tests' packages; the
# CUDA libraries and Triton take about 7 GiB more on Linux, and 4 GiB on Windows.
GIB_NEEDED = {"cpu": 3, "cuda": 12}
# The longest file name below .venv that an installation brings (a licence text of torch 2.13.0+cu130), and the longest
# path that Windows allows unless long paths are switched on.
LONGEST_INSTALLED_NAME = len("/Lib/site-packages/") + 173
WINDOWS_PATH_LIMIT = 259


class CudaBuild(NamedTuple):
    """A CUDA build of PyTorch: its tag, the oldest driver branch that runs it, the cards that it holds code for."""

    tag: str
    oldest_driver: int
    oldest_card: tuple[int, int]  # CUDA compute capability
    newest_card: tuple[int, int]


# The stable CUDA builds of torch 2.13, best first. Cards: PyTorch's RELEASE.md, «PyTorch CUDA Support Matrix». Drivers,
# the same branches on Windows and Linux: NVIDIA's «Minor Version Compatibility» (CUDA 13.x from 580, 12.x from 525),
# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
CUDA_BUILDS = (
    CudaBuild("cu130", oldest_driver=580, oldest_card=(7, 5), newest_card=(99, 0)),
    CudaBuild("cu126", oldest_driver=525, oldest_card=(5, 0), newest_card=(9, 0)),
)
OLDEST_CARD = (7, 0)  # what Unsloth and Triton run on: Volta (2017); the GTX 10 series is 6.1


class Card(NamedTuple):
    """An NVIDIA card as nvidia-smi describes it; `capability` is its CUDA compute capability."""

    name: str
    driver: str
    capability: tuple[int, int]


class Venv(NamedTuple):
    """What was found of `.venv`: the version of its Python, or the sentence that says why it cannot be used."""

    python: str
    fault: str


def main() -> int:
    """Install what is missing, then do what was asked. Returns the exit code."""
    arguments, passed_on = read_command_line(sys.argv[1:])
    venv = inspect_venv()
    kind = choose_kind(arguments.cpu, venv)
    missing = missing_sets(kind, venv, with_dev=arguments.command == "test")
    if arguments.dry_run:
        return show_pip_commands(kind, missing)
    if missing:
        install(kind, missing, venv, cpu_chosen=arguments.cpu)
    if arguments.command == "demo":
        return run_demo(passed_on)
    if arguments.command == "test":
        return run_tests(passed_on)
    return show_next_commands(kind)


# --- what was asked ---------------------------------------------------------------------------------------------------


def read_command_line(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options of bootstrap.py, and the arguments that go on to the scripts or to pytest. Sets the language."""
    language = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    language.add_argument("--language", choices=LANGUAGES)
    set_language(language.parse_known_args(argv)[0].language)

    parser = argparse.ArgumentParser(
        usage="python bootstrap.py [demo | test] [--cpu] [--dry-run] [--language pt_BR|en] ...",
        description=_(
            "Makes .venv, installs what this machine needs, then runs the demo or the tests. Other arguments go on to "
            "the scripts of the demo or to pytest."
        ),
        allow_abbrev=False,
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("demo", "test"),
        help=_("what to run after the installation; without it the next command is printed"),
    )
    parser.add_argument("--cpu", action="store_true", help=_("install the CPU set although there is an NVIDIA card"))
    parser.add_argument("--dry-run", action="store_true", help=_("print the pip commands and run none of them"))
    parser.add_argument("--language", choices=LANGUAGES, help=_("language of the messages"))
    arguments, passed_on = parser.parse_known_args(argv)
    if passed_on and not arguments.command:
        parser.error(_("{arguments} belongs after demo or test.").format(arguments=" ".join(passed_on)))
    if arguments.language and arguments.command == "demo":
        passed_on = ["--language", arguments.language, *passed_on]
    return arguments, passed_on


# --- what there is ----------------------------------------------------------------------------------------------------


def inspect_venv() -> Venv:
    """Look whether `.venv` is there, was not moved, and has a Python of the right version with pip."""
    if not VENV.exists():
        return Venv("", _("There is no .venv yet."))
    location = read_state().get("location", str(VENV))
    if location != str(VENV):
        return Venv("", _("The folder .venv was moved or copied here from {place}.").format(place=location))
    question = "import sys, importlib.util as u; print(*sys.version_info[:2], u.find_spec('pip') is not None)"
    try:
        answer = subprocess.run([venv_python(), "-c", question], capture_output=True, encoding="utf-8", timeout=60)
        major, minor, has_pip = answer.stdout.split()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return Venv("", _("The Python of .venv does not start."))
    if not (3, 10) <= (int(major), int(minor)) <= (3, 13):
        return Venv("", _("The folder .venv holds Python {version}.").format(version=f"{major}.{minor}"))
    if has_pip != "True":
        return Venv("", _("The folder .venv holds no pip."))
    return Venv(f"{major}.{minor}", "")


def choose_kind(cpu_chosen: bool, venv: Venv) -> str:
    """`cpu`, or the tag of the CUDA build for the NVIDIA card of this machine. What is installed is kept.

    Only a CPU set that nobody asked for is looked at again: a card or its driver may have been added since.
    """
    state = {} if venv.fault else read_state()
    if cpu_chosen or state.get("cpu_chosen"):
        return CPU
    if state.get("kind", CPU) != CPU:
        return state["kind"]
    card = find_card()
    if card is None:
        return CPU
    tag = choose_cuda_build(card)
    if tag is None:
        say(_("{card} is older than what Unsloth runs on: installing the CPU set.").format(card=card.name))
        return CPU
    return tag


def find_card() -> Card | None:
    """The most capable NVIDIA card that nvidia-smi lists, or None."""
    nvidia_smi = find_nvidia_smi()
    if not nvidia_smi:
        return None
    query = [nvidia_smi, "--query-gpu=driver_version,compute_cap,name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, encoding="utf-8", errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return note_unusable_card(str(error))
    cards = []
    for line in answer.stdout.splitlines():
        found = re.fullmatch(r"(\d+\.[\d.]+), (\d+)\.(\d+), (.+)", line.strip())
        if found:
            cards.append(Card(found[4], found[1], (int(found[2]), int(found[3]))))
    if not cards:
        return note_unusable_card((answer.stdout + answer.stderr).strip())
    return max(cards, key=lambda card: card.capability)


def find_nvidia_smi() -> str | None:
    """Where nvidia-smi is: on PATH, or where the drivers for Windows put it."""
    on_path = shutil.which("nvidia-smi")
    if on_path or os.name != "nt":
        return on_path
    folders = (
        Path(os.environ.get("SystemRoot", r"C:\Windows"), "System32"),
        Path(os.environ.get("ProgramFiles", r"C:\Program Files"), "NVIDIA Corporation", "NVSMI"),
    )
    return next((str(folder / "nvidia-smi.exe") for folder in folders if (folder / "nvidia-smi.exe").is_file()), None)


def note_unusable_card(reason: str) -> None:
    """Say that nvidia-smi is there and names no card: most often the driver needs repair."""
    say(
        _(
            "nvidia-smi names no usable card ({reason}): going on without it. With an NVIDIA card in this machine, "
            "install its current driver from https://www.nvidia.com/drivers and run this again."
        ).format(reason=" ".join(reason.split()) or "-")
    )


def choose_cuda_build(card: Card) -> str | None:
    """The tag of the best CUDA build that `card` and its driver run; None where the card is too old for Unsloth.

    Raises UserError naming the driver to install where only the driver is too old.
    """
    if card.capability < OLDEST_CARD:
        return None
    builds = [build for build in CUDA_BUILDS if build.oldest_card <= card.capability <= build.newest_card]
    branch = int(card.driver.split(".")[0])
    for build in builds:
        if branch >= build.oldest_driver:
            return build.tag
    raise UserError(
        _(
            "Driver {driver} of {card} is too old: install driver {needed} or newer from "
            "https://www.nvidia.com/drivers, restart the computer and run this again (--cpu installs without the card)."
        ).format(driver=card.driver, card=card.name, needed=builds[0].oldest_driver)
    )


# --- what is to be installed ------------------------------------------------------------------------------------------


def missing_sets(kind: str, venv: Venv, with_dev: bool) -> list[str]:
    """Which of the sets `run` and `dev` are not installed as the requirement files now say."""
    installed = {} if venv.fault else read_state().get("installed", {})
    wanted = ["run", "dev"] if with_dev else ["run"]
    return [name for name in wanted if installed.get(name) != fingerprint(name, kind, venv.python)]


def fingerprint(name: str, kind: str, python: str) -> str:
    """Hash of all that decides what the set `name` installs."""
    files = {"run": [CPU_REQUIREMENTS, CUDA_REQUIREMENTS], "dev": [DEV_REQUIREMENTS]}[name]
    digest = hashlib.sha256(f"{kind} {python}".encode())
    for file in [*files, LOCK]:
        digest.update((ROOT / file).read_bytes())
    return digest.hexdigest()


def pip_commands(name: str, kind: str) -> list[list[str]]:
    """The arguments of pip that install the set `name`, in order.

    The build of PyTorch goes first, named with its tag (`torch==2.13.0+cu130`), so that nothing that needs torch can
    bring another: PyPI's is CPU-only on Windows and of CUDA on Linux. All other packages come from wherever pip is
    configured to look.
    """
    pip = ["install", "--constraint", LOCK]
    if name == "dev":
        return [[*pip, "--requirement", DEV_REQUIREMENTS]]
    if kind != CPU:
        torch = [f"{package}+{kind}" for package in pinned(CPU_REQUIREMENTS, "torch") + pinned(CUDA_REQUIREMENTS, "torchvision")]
        return [[*pip, *torch, "--extra-index-url", PYTORCH_INDEX + kind], [*pip, "--requirement", CUDA_REQUIREMENTS]]
    if sys.platform != "linux":
        return [[*pip, "--requirement", CPU_REQUIREMENTS]]
    torch = pinned(CPU_REQUIREMENTS, "torch")
    if answers(PYTORCH_INDEX + CPU + "/torch/"):
        torch = [*(f"{package}+{CPU}" for package in torch), "--extra-index-url", PYTORCH_INDEX + CPU]
    return [[*pip, *torch], [*pip, "--requirement", CPU_REQUIREMENTS]]
