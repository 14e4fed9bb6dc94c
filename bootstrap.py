"""Make `.venv` beside this file, install what this machine needs, then run the demo or the tests.

    python bootstrap.py          install only, and print the next command
    python bootstrap.py demo     then run scripts 1 to 8 with the bundled catalogue and a small model
    python bootstrap.py test     then check the code and run the tests

Arguments that are not its own go on to every script of the demo (`--language pt_BR`) or to pytest (`-k name`).
Standard library only: nothing is installed yet when this runs. uv installs, or pip where uv cannot be had. A later run
installs nothing and starts at once.
"""

import argparse
import functools
import hashlib
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

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

from pipeline.command.machine import check_disk_space, check_machine, find_card  # noqa: E402
from pipeline.command.uv_and_pip import (  # noqa: E402
    CPU,
    CUDA,
    LOCK,
    NO_DEPS,
    OLDER_CUDA,
    command_for_uv,
    commands_for,
    environment_of_installers,
)
from pipeline.runtime.errors import UserError  # noqa: E402 - needs the Python that was checked above
from pipeline.runtime.messages import LANGUAGES, N_, _, localised, set_language  # noqa: E402

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STATE_FILE = VENV / "bootstrap.json"
LOCATION = os.fsencode(VENV).decode("utf-8", "replace")  # the same whatever the encoding of the locale
PYTHON = str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))

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
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CHECKS = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format --check": ["-m", "ruff", "format", "--check", "."],
    "lint-imports": ["-c", LINT_IMPORTS, "--no-cache", "--no-logo"],
}

OLDEST_CARD = (7, 0)  # CUDA compute capability that Unsloth and Triton need: Volta (2017); the GTX 10 series is 6.1
OLDEST_CARD_OF_CUDA_13 = (7, 5)  # uv looks at the driver alone, and CUDA 13 has no code for Volta
GIB_NEEDED = {CPU: 3, CUDA: 12, OLDER_CUDA: 12}  # the packages, and the archives that pip keeps
FAILED_INSTALLATION = N_(
    "The installation did not finish; the lines above say why: check the network (a proxy goes into the environment "
    "variable HTTPS_PROXY, its certificate into SSL_CERT_FILE), make room on a full disk, close the programs that use "
    ".venv where a file could not be written, and run the same command again; it goes on from here."
)
FAILED_CARD = N_(
    "PyTorch is installed and cannot use the NVIDIA card: install the card's current driver from "
    "https://www.nvidia.com/drivers, restart the computer, unset CUDA_VISIBLE_DEVICES if it is set, see that "
    "nvidia-smi lists the card, and run this again (--cpu installs without the card)."
)
TRY_CARD = "import torch; torch.ones(1, device='cuda').add(1).item()"

say = functools.partial(print, flush=True)  # at once: the scripts write to the same screen


def main() -> int:
    """Install what is missing, then do what was asked. Returns the exit code."""
    arguments, passed_on = read_command_line(sys.argv[1:])
    fault = find_fault()
    kind = choose_kind(arguments.cpu, {} if fault else read_state())
    missing = missing_sets(kind, fault, with_dev=arguments.command == "test")
    if arguments.dry_run:
        return show_commands(kind, missing)
    if missing:
        install(kind, missing, fault, arguments.cpu)
    if arguments.command == "demo":
        return run_demo(passed_on)
    if arguments.command == "test":
        return run_tests(passed_on)
    return show_next_commands(kind)


def read_command_line(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options of bootstrap.py, and the arguments that go on to the scripts or to pytest. Sets the language."""
    language = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    language.add_argument("--language", choices=LANGUAGES)
    set_language(language.parse_known_args(argv)[0].language)

    usage = "python bootstrap.py [demo | test] [--cpu] [--dry-run] [--language pt_BR|en] ..."
    description = _(
        "Makes .venv, installs what this machine needs, then runs the demo or the tests. Other arguments go on to "
        "the scripts of the demo or to pytest."
    )
    command_help = _("what to run after the installation; without it the next command is printed")
    parser = argparse.ArgumentParser(usage=usage, description=description, allow_abbrev=False)
    parser.add_argument("command", nargs="?", choices=("demo", "test"), help=command_help)
    parser.add_argument("--cpu", action="store_true", help=_("install the CPU set although there is an NVIDIA card"))
    parser.add_argument("--dry-run", action="store_true", help=_("print the commands and run none of them"))
    parser.add_argument("--language", choices=LANGUAGES, help=_("language of the messages"))
    arguments, passed_on = parser.parse_known_args(argv)
    if passed_on and not arguments.command:
        parser.error(_("{arguments} belongs after demo or test.").format(arguments=" ".join(passed_on)))
    if arguments.language and arguments.command == "demo":
        passed_on = ["--language", arguments.language, *passed_on]
    return arguments, passed_on


def find_fault() -> str:
    """The sentence that says why `.venv` cannot be used; empty where it can."""
    if not VENV.exists():
        return _("There is no .venv yet.")
    location = read_state().get("location", LOCATION)
    if location != LOCATION:
        return _("The folder .venv was moved or copied here from {place}.").format(place=location)
    question = "import pip, sys; assert (3, 10) <= sys.version_info[:2] <= (3, 13)"
    try:
        subprocess.run([PYTHON, "-c", question], capture_output=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return _("The Python of .venv does not start, is none of 3.10 to 3.13, or has no pip.")
    return ""


def choose_kind(cpu_chosen: bool, state: dict) -> str:
    """The kind of PyTorch for this machine. What is installed stays, but a CPU set that nobody asked for.

    Raises UserError where --cpu is asked for beside an installation for a card.
    """
    installed = state.get("kind")
    if cpu_chosen and installed not in (None, CPU):
        message = _("{path} holds the packages for an NVIDIA card: delete it and run this again for the CPU set.")
        raise UserError(message.format(path=VENV))
    if installed == CPU and not cpu_chosen:
        say(_("The CPU set stays, as chosen with --cpu; delete .venv to choose anew."))
    if cpu_chosen or installed:
        return installed or CPU
    capability, card = find_card()
    if card and capability < OLDEST_CARD:
        say(_("{card} is older than what Unsloth runs on: installing the CPU set.").format(card=card))
    if capability < OLDEST_CARD:
        return CPU
    return CUDA if capability >= OLDEST_CARD_OF_CUDA_13 else OLDER_CUDA


def missing_sets(kind: str, fault: str, with_dev: bool) -> list[str]:
    """Which of the sets `run` and `dev` are not installed as the requirement files now say."""
    installed = {} if fault else read_state().get("installed", {})
    wanted = ["run", "dev"] if with_dev else ["run"]
    return [name for name in wanted if installed.get(name) != fingerprint(name, kind)]


def fingerprint(name: str, kind: str) -> str:
    """Hash of all that decides what the set `name` installs."""
    digest = hashlib.sha256(kind.encode())
    run = ["requirements-cpu.txt", "requirements.txt", NO_DEPS]
    for file in [*(["requirements-dev.txt"] if name == "dev" else run), LOCK]:
        digest.update((ROOT / file).read_bytes())
    return digest.hexdigest()


def show_commands(kind: str, missing: list[str]) -> int:
    """Print what an installation would run, one command a line."""
    commands = [command for name in missing for command in commands_for(PYTHON, name, kind, with_uv=True)]
    for command in [command_for_uv(PYTHON), *commands] if missing else []:
        say(" ".join(command).replace(str(VENV), VENV.name))
    if not missing:
        say(_("Everything is installed."))
    return 0


def install(kind: str, missing: list[str], fault: str, cpu_chosen: bool) -> None:
    """Install the missing sets into `.venv`, making it first where it is not usable.

    A set is written to the state file only when it is complete. uv and pip keep what they have downloaded: a run after
    an interrupted one goes on from there.
    """
    started = time.monotonic()
    check_machine(VENV)
    if fault or (kind != CPU and "run" in missing):
        check_disk_space(ROOT, GIB_NEEDED[kind])
    if fault:
        make_venv(fault)
    target = _("the CPU") if kind == CPU else _("an NVIDIA card")
    say(_("Installing for {kind}; this takes some minutes.").format(kind=target))
    environment = environment_of_installers(PYTHON)
    with_uv = subprocess.run(command_for_uv(PYTHON), cwd=ROOT, env=environment, capture_output=True).returncode == 0
    if not with_uv:
        say(_("The package uv cannot be had here: pip installs instead, which takes longer."))
    for name in missing:
        for command in commands_for(PYTHON, name, kind, with_uv):
            run_installer(command, environment)
        if name == "run" and kind != CPU:
            run_installer([PYTHON, "-c", TRY_CARD], environment, FAILED_CARD)
        installed = {**read_state().get("installed", {}), name: fingerprint(name, kind)}
        chosen = {"kind": kind} if cpu_chosen or kind != CPU else {}
        write_state(location=LOCATION, installed=installed, **chosen)
    say(_("Installed in {time}.").format(time=duration(time.monotonic() - started)))


def make_venv(fault: str) -> None:
    """Make `.venv`, removing first an unusable one that an earlier run made. Raises UserError where it is not ours."""
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        message = _(
            "This Python has no venv module: install it (Debian and Ubuntu: sudo apt install python{version}-venv; "
            "elsewhere a complete Python from https://www.python.org/downloads/) and run this again."
        )
        raise UserError(message.format(version=f"{sys.version_info.major}.{sys.version_info.minor}"))
    if VENV.exists():
        if not read_state().get("made_here"):
            message = _(
                "{fault} It was not made by bootstrap.py and is left alone: rename or delete {path}, and run this "
                "again."
            )
            raise UserError(message.format(fault=fault, path=VENV))
        if Path(sys.prefix).resolve() == VENV:
            raise UserError(_("This is the Python of .venv itself: type deactivate, and run this again."))
        say(_("{fault} Making it again.").format(fault=fault))
        shutil.rmtree(VENV)
    say(_("Making .venv with Python {version}.").format(version=platform.python_version()))
    VENV.mkdir()
    write_state(made_here=True, location=LOCATION)
    run_installer([sys.executable, "-m", "venv", str(VENV)], dict(os.environ))


def run_installer(command: list[str], environment: dict[str, str], remedy: str = FAILED_INSTALLATION) -> None:
    """Run `command` with its own words on the screen. Raises UserError with the `remedy` where it fails."""
    if subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL).returncode:
        raise UserError(_(remedy))


def read_state() -> dict:
    """What was written about `.venv`: who made it, where, and what is installed; empty where nothing was."""
    try:
        return json.loads(STATE_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_state(**entries: object) -> None:
    """Add `entries` to what is written about `.venv`, or replace them."""
    STATE_FILE.write_text(json.dumps({**read_state(), **entries}, indent=1), encoding="utf-8", newline="\n")


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
    """Check the code, then run pytest with `passed_on`, two files of tests at a time. Returns 0 where all succeed."""
    failed = []
    for name, arguments in CHECKS.items():
        say(f"\n=== {name} ===\n")
        if run_python(arguments):
            failed.append(name)
    say("\n=== pytest ===\n")
    exit_code = run_python(["-m", "pytest", "--numprocesses", "2", "--dist", "loadfile", *passed_on])
    if failed:
        print("\n" + _("Failed before the tests: {checks}.").format(checks=", ".join(failed)), file=sys.stderr)
    return exit_code or len(failed)


def run_python(arguments: list[str]) -> int:
    """Run the Python of `.venv` in the project's folder, its output going straight to the screen."""
    # Live also where the screen is a pipe; and torch cannot be imported from a path with accents in a C locale.
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    exit_code = subprocess.run([PYTHON, *arguments], cwd=ROOT, env=environment).returncode
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


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # In a C locale a path with accents is made of surrogates, which stand for the bytes that belong on the screen.
        stream.reconfigure(encoding="utf-8", errors="replace" if os.name == "nt" else "surrogateescape")
    try:
        sys.exit(main())
    except (UserError, OSError) as problem:  # OSError: a full disk, a folder that cannot be written, a file in use
        print(_("Error: {problem}").format(problem=problem), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\n" + _("Interrupted. Run the same command again to continue."), file=sys.stderr)
        sys.exit(130)  # what a shell reports for a program that Ctrl-C ended
