"""What surrounds the `main` of every script: the screen, the settings, and the end of a run that cannot go on."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from pprint import pformat

from config import Settings
from pipeline.command.command_line import read_settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.interrupts import end_at_sigterm_as_at_ctrl_c, is_interrupt, swallowed_interrupts_coming_again
from pipeline.runtime.messages import _
from pipeline.runtime.screen import harmless, make_output_harmless

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended

# What a user can put right: full disks and limits, rights, and paths that lead nowhere.
USER_ERRNOS = {
    getattr(errno, name, None)
    for name in (
        *("ENOSPC", "EDQUOT", "EFBIG", "EACCES", "EPERM", "EROFS"),
        *("ENOTDIR", "EISDIR", "EEXIST", "ENAMETOOLONG", "ELOOP", "EIO"),
    )
}

# Nothing is reported to anyone, and libraries do not talk over the script's own lines.
QUIET_ENVIRONMENT = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "UNSLOTH_DISABLE_STATISTICS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "DATASETS_VERBOSITY": "error",
}


def run(main: Callable[[Settings], None], description: str) -> None:
    """Read the settings, call `main` with them, and end the process.

    `description` (a message id) is what --help says of the script. What the user can put right ends in one line and
    exit code 2; Ctrl-C and SIGTERM in one line, with what the KeyboardInterrupt says, and 130; every other fault keeps
    its traceback, since it is ours.
    """
    prepare_process()
    try:
        with swallowed_interrupts_coming_again():
            main(read_settings(description, sys.argv[1:]))
    except (Exception, KeyboardInterrupt) as error:
        if is_interrupt(error):
            said = str(error) if isinstance(error, KeyboardInterrupt) else ""
            what_now = said or _("No file is incomplete; you can run the same command again.")
            end(_("Interrupted. {what_now}").format(what_now=what_now), EXIT_INTERRUPTED)
        problem = problem_of(error)
        if problem is None:
            raise
        end(_("Error: {problem}").format(problem=problem), EXIT_USER_ERROR)


def prepare_process() -> None:
    """The screen, the signals and the environment of a script."""
    speak_utf8()
    make_output_harmless()
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    end_at_sigterm_as_at_ctrl_c()
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if os.environ.get("RANK", "0") != "0":  # of several processes that torchrun started, the first one speaks
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
        os.environ["TQDM_DISABLE"] = "1"


def problem_of(error: BaseException) -> str | None:
    """What a user can put right, in words; None for a fault of this project's."""
    if isinstance(error, UserError):
        return str(error)
    if type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported here
        return _(
            "the card's memory is full. Close what else uses the card, or lower the settings that fill it: "
            "--training.per_device_train_batch_size, --model.max_seq_length, --lora.r."
        )
    if is_lost_process(error):
        return _(
            "another process of this training has ended, or its machine has. Run the same command again on all "
            "machines: it goes on from the last checkpoint."
        )
    if isinstance(error, OSError) and error.errno in USER_ERRNOS:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return _("the memory is full. Close other programs, then run the same command again.")
    return None


def is_lost_process(error: BaseException) -> bool:
    """Whether PyTorch found that a process is gone with which this one trains. It is not imported here."""
    name, said = type(error).__name__, str(error)
    return name in ("DistBackendError", "DistNetworkError", "DistStoreError") or (
        isinstance(error, RuntimeError) and "gloo" in said and ("onnection" in said or "imed out" in said)
    )


def speak_utf8() -> None:
    """Start again in Python's UTF-8 mode where a system without a locale gives file names and arguments as ASCII."""
    if sys.getfilesystemencoding() != "utf-8":  # never on Windows, where replacing the process would not be safe
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def end(message: str, exit_code: int) -> None:
    """Print `message` below whatever a progress bar left, and exit."""
    sys.stdout.flush()
    print(f"\n{harmless(message)}", file=sys.stderr)
    sys.exit(exit_code)


def show_settings(settings: Settings, *names: str) -> None:
    """Print the resolved values of the named fields and groups, with the profile that they came from."""
    shown = settings.model_dump(mode="json", include={"profile", *names})
    print(_("Settings in use:") + "\n" + pformat(shown, width=100, sort_dicts=False), flush=True)
