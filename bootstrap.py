"""Make `.venv` beside this file, install what this machine needs, then run the demo or the tests.

    python bootstrap.py          install only, and print the next command
    python bootstrap.py demo     then run scripts 1 to 8 with the bundled catalogue and model
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

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)

if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
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

from pipeline.runtime.errors import UserError  # noqa: E402 - needs the Python that was checked above
from pipeline.runtime.messages import LANGUAGES, N_, _, localised, set_language  # noqa: E402

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
    "compare_models.py",
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
    location = read_state().get("location", location_of_venv())
    if location != location_of_venv():
        return Venv("", _("The folder .venv was moved or copied here from {place}.").format(place=location))
    question = "import sys, importlib.util as u; print(*sys.version_info[:2], u.find_spec('pip') is not None)"
    try:
        answer = subprocess.run([venv_python(), "-c", question], capture_output=True, encoding="utf-8", timeout=60)
        major, minor, has_pip = answer.stdout.split()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return Venv("", _("The Python of .venv does not start."))
    if not OLDEST_PYTHON <= (int(major), int(minor)) <= NEWEST_PYTHON:
        return Venv("", _("The folder .venv holds Python {version}.").format(version=f"{major}.{minor}"))
    if has_pip != "True":
        return Venv("", _("The folder .venv holds no pip."))
    return Venv(f"{major}.{minor}", "")


def choose_kind(cpu_chosen: bool, venv: Venv) -> str:
    """`cpu`, or the tag of the CUDA build for the NVIDIA card of this machine. What is installed is kept.

    Only a CPU set that nobody asked for is looked at again: a card or its driver may have been added since.
    """
    state = {} if venv.fault else read_state()
    installed = state.get("kind", CPU)
    if cpu_chosen and installed != CPU:
        raise UserError(
            _("{path} holds the packages for an NVIDIA card: delete it and run this again for the CPU set.").format(
                path=VENV
            )
        )
    if cpu_chosen or installed != CPU:
        return installed
    if state.get("cpu_chosen"):
        say(_("The CPU set stays, as chosen with --cpu; delete .venv to choose anew."))
        return CPU
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
        Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32"),
        Path(os.environ.get("PROGRAMFILES", r"C:\Program Files"), "NVIDIA Corporation", "NVSMI"),
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
    torch = pinned("torch", CPU_REQUIREMENTS)
    if kind != CPU:
        builds = [f"{torch}+{kind}", f"{pinned('torchvision', CUDA_REQUIREMENTS)}+{kind}"]
        index = ["--extra-index-url", PYTORCH_INDEX + kind]
        return [[*pip, *builds, *index], [*pip, "--requirement", CUDA_REQUIREMENTS]]
    rest = [*pip, "--requirement", CPU_REQUIREMENTS]
    if sys.platform != "linux":
        return [rest]
    if answers(f"{PYTORCH_INDEX}{CPU}/torch/"):
        return [[*pip, f"{torch}+{CPU}", "--extra-index-url", PYTORCH_INDEX + CPU], rest]
    print(
        _("{index} does not answer: PyTorch comes from where pip is configured to look.").format(index=PYTORCH_INDEX),
        file=sys.stderr,
    )
    return [[*pip, torch], rest]


def pinned(package: str, requirements: str) -> str:
    """The line of the requirement file that pins `package`, without its comment and marker: `torch==2.13.0`."""
    text = (ROOT / requirements).read_text(encoding="utf-8")
    return re.search(rf"^{package}==[^\s;#]+", text, re.MULTILINE)[0]


def answers(address: str) -> bool:
    """Whether a web address can be reached from here, within seconds."""
    try:
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False


def show_pip_commands(kind: str, missing: list[str]) -> int:
    """Print what an installation would run, one command a line."""
    for name in missing:
        for arguments in pip_commands(name, kind):
            say(" ".join([str(venv_python().relative_to(ROOT)), "-m", "pip", *arguments]))
    if not missing:
        say(_("Everything is installed."))
    return 0


# --- the installation -------------------------------------------------------------------------------------------------


def install(kind: str, missing: list[str], venv: Venv, cpu_chosen: bool) -> None:
    """Install the missing sets into `.venv`, making it first where it is not usable.

    A set is written to the state file only when it is complete; pip goes on where an interrupted run stopped.
    """
    started = time.monotonic()
    check_machine()
    if venv.fault or read_state().get("kind", kind) != kind:
        check_disk_space(kind)
    if venv.fault:
        make_venv(venv)
    say(
        _("Installing for {kind}; this takes some minutes ({log} has pip's words).").format(
            kind=describe(kind), log=LOG_FILE
        )
    )
    for name in missing:
        for arguments in pip_commands(name, kind):
            run_pip(arguments)
        if name == "run" and kind != CPU:
            verify_cuda()
        record_installed(name, kind, cpu_chosen)
    say(_("Installed in {time}.").format(time=duration(time.monotonic() - started)))


def describe(kind: str) -> str:
    """`kind` in words."""
    if kind == CPU:
        return _("the CPU")
    return _("an NVIDIA card with CUDA {version}").format(version=f"{kind[2:-1]}.{kind[-1]}")


def check_machine() -> None:
    """Raise UserError for what would make the installation fail or end in packages that cannot be imported."""
    if sys.maxsize < 2**32:
        raise UserError(
            _(
                "This is a 32-bit Python, and PyTorch needs a 64-bit one: install it from https://www.python.org/downloads/."
            )
        )
    if sys.platform == "darwin" and platform.machine() != "arm64":
        raise UserError(_("PyTorch has no current version for Macs with an Intel processor: use another computer."))
    if os.name == "nt":
        check_long_paths()
        check_visual_cpp_runtime()


def check_long_paths() -> None:
    """Raise UserError where the file names of an installation are longer than this Windows allows."""
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            switched_on = winreg.QueryValueEx(key, "LongPathsEnabled")[0] == 1
    except OSError:
        switched_on = False
    too_long = len(str(VENV)) + LONGEST_INSTALLED_NAME - WINDOWS_PATH_LIMIT
    if too_long > 0 and not switched_on:
        raise UserError(
            _(
                "The path {path} is {count} characters too long for Windows: move the project to a shorter one such as "
                "C:\\llama, or switch long paths on in a PowerShell started as administrator, with New-ItemProperty "
                "-Path HKLM:\\SYSTEM\\CurrentControlSet\\Control\\FileSystem -Name LongPathsEnabled -Value 1 "
                "-PropertyType DWORD -Force, and run this again in a new window."
            ).format(path=ROOT, count=too_long)
        )


def check_visual_cpp_runtime() -> None:
    """Raise UserError where the runtime that torch and Triton are linked to is not installed."""
    system = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32")
    missing = [name for name in ("vcruntime140_1.dll", "msvcp140.dll") if not (system / name).is_file()]
    if missing:
        raise UserError(
            _(
                "The Visual C++ runtime that PyTorch needs is not installed ({files}): install "
                "https://aka.ms/vs/17/release/vc_redist.x64.exe and run this again."
            ).format(files=", ".join(missing))
        )


def check_disk_space(kind: str) -> None:
    """Raise UserError where the packages would not fit on the disk."""
    needed = GIB_NEEDED["cpu" if kind == CPU else "cuda"]
    free = shutil.disk_usage(ROOT).free / GIB
    if free < needed:
        raise UserError(
            _(
                "The disk of {path} has {free:.1f} GB free, and about {needed} GB are needed: make room and run this "
                "again."
            ).format(path=ROOT, free=free, needed=needed)
        )


def make_venv(venv: Venv) -> None:
    """Make `.venv`, removing first an unusable one that an earlier run made. Raises UserError where it is not ours."""
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise UserError(
            _(
                "This Python has no venv module: install it (Debian and Ubuntu: sudo apt install python{version}-venv; "
                "elsewhere a complete Python from https://www.python.org/downloads/) and run this again."
            ).format(version=version)
        )
    if VENV.exists():
        if not read_state().get("made_here"):
            raise UserError(
                _(
                    "{fault} It was not made by bootstrap.py and is left alone: rename or delete {path}, and run this "
                    "again."
                ).format(fault=venv.fault, path=VENV)
            )
        say(_("{fault} Making it again.").format(fault=venv.fault))
        remove_venv()
    say(_("Making .venv with Python {version}.").format(version=platform.python_version()))
    try:
        VENV.mkdir()
        write_state({"made_here": True, "location": location_of_venv()})
    except OSError as error:
        raise UserError(
            _("{path} cannot be written ({reason}): move the project to a folder of yours.").format(
                path=VENV, reason=error.strerror
            )
        ) from None
    run_logged([sys.executable, "-m", "venv", str(VENV)], ProgressLine())


def remove_venv() -> None:
    """Delete `.venv`. Raises UserError where a program still uses it."""
    if Path(sys.prefix).resolve() == VENV:
        raise UserError(_("This is the Python of .venv itself: type deactivate, and run this again."))
    try:
        shutil.rmtree(VENV)
    except OSError as error:
        raise UserError(
            _("{path} cannot be deleted ({reason}): close the programs that use it, and run this again.").format(
                path=error.filename or VENV, reason=error.strerror
            )
        ) from None


def run_pip(arguments: list[str]) -> None:
    """Run the pip of `.venv`, with its output in the log and one changing line on the screen."""
    # Percentages of the long downloads, where this pip can print them as plain numbers.
    bar = ["--progress-bar", "raw" if pip_version() >= (24, 1) else "off"]
    run_logged([str(venv_python()), "-m", "pip", *arguments, *bar], ProgressLine())


def pip_version() -> tuple[int, ...]:
    """(24, 2) for pip 24.2."""
    question = "import importlib.metadata as m; print(m.version('pip'))"
    answer = subprocess.run([venv_python(), "-c", question], capture_output=True, encoding="utf-8", check=True)
    return tuple(int(part) for part in re.findall(r"\d+", answer.stdout)[:2])


def run_logged(command: list[str], progress: "ProgressLine") -> None:
    """Run `command` in the project's folder, with its output in the log.

    Raises UserError with the remedy where it fails, after showing the last lines of the log.
    """
    environment = {
        **os.environ,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",  # a question would wait where nobody sees it
        "PIP_USER": "0",  # a setting of the user's own that makes pip refuse a virtual environment
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
    }
    lines = [f"> {shlex.join(command)}\n"]
    with LOG_FILE.open("a", encoding="utf-8", errors="replace", newline="\n") as log, progress:
        log.write(lines[0])
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout:
                if not progress.show(line):
                    log.write(line)
                    lines.append(line)
    if process.returncode:
        sys.stderr.write("".join(f"  {line}" for line in lines[-SHOWN_LOG_LINES:]))
        raise UserError(explain_failure("".join(lines)))


def explain_failure(output: str) -> str:
    """The sentence that says what to do about a failed `output` of pip or venv."""
    for pattern, remedy in REMEDIES:
        if re.search(pattern, output, re.IGNORECASE):
            return _(remedy).format(log=LOG_FILE)
    return _(
        "The installation failed; the last lines above say where, and {log} has all of it. Running the same command "
        "again goes on from here."
    ).format(log=LOG_FILE)


def verify_cuda() -> None:
    """Raise UserError where the installed PyTorch does not find the card."""
    question = "import torch; print(torch.cuda.is_available())"
    answer = subprocess.run([venv_python(), "-c", question], capture_output=True, encoding="utf-8", errors="replace")
    if answer.stdout.strip() != "True":
        sys.stderr.write("".join(f"  {line}\n" for line in answer.stderr.splitlines()[-SHOWN_LOG_LINES:]))
        raise UserError(
            _(
                "PyTorch is installed and finds no CUDA device: restart the computer if the driver is new, unset "
                "CUDA_VISIBLE_DEVICES if it is set, see that nvidia-smi lists the card, and run this again (--cpu "
                "installs without the card)."
            )
        )


class ProgressLine:
    """What pip is doing, on one line of the terminal that is written over; nothing where the screen is no terminal."""

    def __init__(self) -> None:
        self._text = ""
        self._started = time.monotonic()
        self._done = threading.Event()
        self._clock = threading.Thread(target=self._redraw, daemon=True)

    def __enter__(self) -> "ProgressLine":
        if sys.stdout.isatty():
            self._clock.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        if self._clock.is_alive():
            self._clock.join()
            print("\r" + " " * (self._width()) + "\r", end="", flush=True)

    def show(self, line: str) -> bool:
        """Take what a line of pip's says of its progress. True where the line says nothing else."""
        percent = re.fullmatch(r"Progress (\d+) of (\d+)\s*", line)
        if percent:
            done, total = int(percent[1]), int(percent[2])
            self._text = f"{self._text.split(' – ')[0]} – {done / max(total, 1):.0%}"
            return True
        for pattern, message in ACTIVITIES:
            found = re.match(pattern, line)
            if found:
                self._text = _(message).format(what=found[1])
                break
        return False

    def _redraw(self) -> None:
        while not self._done.wait(0.3):
            elapsed = f"{duration(time.monotonic() - self._started):>10}  "
            print("\r" + (elapsed + self._text)[: self._width()].ljust(self._width()), end="", flush=True)

    def _width(self) -> int:
        return shutil.get_terminal_size().columns - 1


SHOWN_LOG_LINES = 12

ACTIVITIES = (
    (r"\s*Collecting ([\w.\-]+)", N_("looking for {what}")),
    (r"\s*Downloading (?:\S*/)?(\S+?)-\d\S*\.(?:whl|tar\.gz) ", N_("downloading {what}")),
    (r"\s*Building wheel for (\S+)", N_("building {what}")),
    (r"Installing collected packages: (.+)", N_("installing {what}")),
    (r"WARNING: (Retrying)", N_("no answer from the network, trying again")),
)

REMEDIES = (
    (
        r"No space left on device|Errno 28|WinError 112",
        N_("The disk is full: make room and run this again; it goes on from here ({log} has all of it)."),
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED",
        N_(
            "The package index was reached and its certificate is not trusted here, as behind the proxy of a company: "
            "point the environment variable PIP_CERT to the company's certificate and run this again ({log} has all of "
            "it)."
        ),
    ),
    (
        r"Failed to establish a new connection|NewConnectionError|NameResolutionError|getaddrinfo failed|ProxyError|"
        r"Temporary failure in name resolution|Connection (refused|reset|aborted|broken)|timed out|ReadTimeoutError|"
        r"IncompleteRead|Max retries exceeded",
        N_(
            "The package index cannot be reached: check the network connection (behind a proxy, set HTTPS_PROXY) and "
            "run this again; it goes on from here ({log} has all of it)."
        ),
    ),
    (
        r"Long Path support|WinError 206",
        N_(
            "A path is too long for Windows: move the project to a shorter folder such as C:\\llama and run this again "
            "({log} has all of it)."
        ),
    ),
    (
        r"PermissionError|WinError (5|32)\b|Access is denied",
        N_(
            "A file could not be written: close the programs that use .venv, such as an editor or another terminal, "
            "and run this again ({log} has all of it)."
        ),
    ),
    (
        r"No matching distribution found|ResolutionImpossible",
        N_(
            "A pinned package does not exist for this machine (Python, processor or system too old?) or the package "
            "index does not offer it: the last lines above name it ({log} has all of it)."
        ),
    ),
)


# --- what bootstrap.py remembers --------------------------------------------------------------------------------------


def read_state() -> dict:
    """What was written about `.venv`: who made it, where, and what is installed; empty where nothing was."""
    try:
        return json.loads(STATE_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_state(state: dict) -> None:
    """Replace the state file, whole or not at all."""
    beside = STATE_FILE.with_suffix(".new")
    beside.write_text(json.dumps(state, indent=1), encoding="utf-8", newline="\n")
    beside.replace(STATE_FILE)


def record_installed(name: str, kind: str, cpu_chosen: bool) -> None:
    """Write down that the set `name` is complete."""
    state = {"location": location_of_venv(), **read_state()}
    if name == "run":
        state.update(kind=kind, cpu_chosen=cpu_chosen or state.get("cpu_chosen", False))
    state.setdefault("installed", {})[name] = fingerprint(name, kind, inspect_venv().python)
    write_state(state)


def location_of_venv() -> str:
    """Where `.venv` is, in the same words whatever the encoding of the locale."""
    return os.fsencode(VENV).decode("utf-8", "replace")


def venv_python() -> Path:
    """The Python of `.venv`."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# --- after the installation -------------------------------------------------------------------------------------------


def run_demo(passed_on: list[str]) -> int:
    """Run the scripts of the demo in order. Returns 0, or the exit code of the first that fails."""
    started = time.monotonic()
    for number, script in enumerate(DEMO_SCRIPTS, start=1):
        say(f"\n=== {number}/{len(DEMO_SCRIPTS)}  {script} ===\n")
        script_started = time.monotonic()
        exit_code = run_python([script, "--profile", "demo", *passed_on])
        if exit_code:
            print(_("{script} ended with exit code {code}.").format(script=script, code=exit_code), file=sys.stderr)
            return exit_code
        say("\n" + _("{script}: {time}").format(script=script, time=duration(time.monotonic() - script_started)))
    say(_("All {count} scripts: {time}").format(count=len(DEMO_SCRIPTS), time=duration(time.monotonic() - started)))
    return 0


def run_tests(passed_on: list[str]) -> int:
    """Run pytest with `passed_on`, two files of tests at a time. Returns its exit code."""
    return run_python(["-m", "pytest", "--numprocesses", "2", "--dist", "loadfile", *passed_on])


def run_python(arguments: list[str]) -> int:
    """Run the Python of `.venv` in the project's folder, its output going straight to the screen."""
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",  # live also where the screen is a pipe
        "PYTHONUTF8": "1",  # torch cannot be imported from a path with accents in a C locale
    }
    exit_code = subprocess.run([venv_python(), *arguments], cwd=ROOT, env=environment).returncode
    return exit_code if exit_code >= 0 else 128 - exit_code  # ended by a signal: what a shell reports


def show_next_commands(kind: str) -> int:
    """Print what to type next, for PowerShell on Windows and for a POSIX shell elsewhere."""
    script = "python process_data.py" + (" --profile demo" if kind == CPU else "")
    if os.name == "nt":
        folder, activate = "'" + str(ROOT).replace("'", "''") + "'", r".\.venv\Scripts\Activate.ps1"
    else:
        folder, activate = shlex.quote(str(ROOT)), "source .venv/bin/activate"
    change_folder = [] if Path.cwd() == ROOT else [f"cd {folder}"]
    say(_("Everything is installed. Next:") + "\n")
    for command in [*change_folder, activate, script]:
        say("    " + command)
    if os.name == "nt":
        say("\n" + _("If PowerShell refuses to run Activate.ps1: Set-ExecutionPolicy -Scope CurrentUser RemoteSigned"))
    say("\n" + _("Or all scripts of the demo at once: {command}").format(command="python bootstrap.py demo"))
    return 0


def duration(seconds: float) -> str:
    """`8.3 s`, `2 min 05 s`."""
    return localised(seconds, ".1f") + " s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def say(text: str) -> None:
    """Print at once, so that the order is right where scripts write to the same screen."""
    print(text, flush=True)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # In a C locale a path with accents is made of surrogates, which stand for the bytes that belong on the screen.
        stream.reconfigure(encoding="utf-8", errors="replace" if os.name == "nt" else "surrogateescape")
    try:
        sys.exit(main())
    except UserError as problem:
        print(_("Error: {problem}").format(problem=problem), file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
    except OSError as problem:  # a full disk, a folder that cannot be written
        print(_("Error: {problem}").format(problem=problem), file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
    except KeyboardInterrupt:
        print("\n" + _("Interrupted. Run the same command again to go on."), file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
