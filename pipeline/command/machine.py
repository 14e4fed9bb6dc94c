"""What bootstrap.py must know of this machine before it installs. Standard library only: nothing is installed yet."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

# The longest file name below .venv that an installation brings (a licence text of torch 2.13.0+cu130), and the longest
# path that Windows allows unless long paths are switched on.
LONGEST_INSTALLED_NAME = len("/Lib/site-packages/") + 173
WINDOWS_PATH_LIMIT = 259


def check_machine(venv: Path) -> None:
    """Raise UserError for what would make the installation fail or end in packages that cannot be imported."""
    if sys.maxsize < 2**32:
        raise UserError(
            _(
                "This is a 32-bit Python, and PyTorch needs a 64-bit one: install it from "
                "https://www.python.org/downloads/."
            )
        )
    if sys.platform == "darwin" and platform.machine() != "arm64":
        raise UserError(_("PyTorch has no current version for Macs with an Intel processor: use another computer."))
    if os.name == "nt":
        check_long_paths(venv)
        check_visual_cpp_runtime()


def check_long_paths(venv: Path) -> None:
    """Raise UserError where the file names of an installation are longer than this Windows allows."""
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            switched_on = winreg.QueryValueEx(key, "LongPathsEnabled")[0] == 1
    except OSError:
        switched_on = False
    too_long = len(str(venv)) + LONGEST_INSTALLED_NAME - WINDOWS_PATH_LIMIT
    if too_long > 0 and not switched_on:
        message = _(
            "The path {path} is {count} characters too long for Windows: move the project to a shorter one such as "
            "C:\\llama, or switch long paths on in a PowerShell started as administrator, with New-ItemProperty "
            "-Path HKLM:\\SYSTEM\\CurrentControlSet\\Control\\FileSystem -Name LongPathsEnabled -Value 1 "
            "-PropertyType DWORD -Force, and run this again in a new window."
        )
        raise UserError(message.format(path=venv.parent, count=too_long))


def check_visual_cpp_runtime() -> None:
    """Raise UserError where the runtime that torch and Triton are linked to is not installed."""
    system = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32")
    missing = [name for name in ("vcruntime140_1.dll", "msvcp140.dll") if not (system / name).is_file()]
    if missing:
        message = _(
            "The Visual C++ runtime that PyTorch needs is not installed ({files}): install "
            "https://aka.ms/vs/17/release/vc_redist.x64.exe and run this again."
        )
        raise UserError(message.format(files=", ".join(missing)))


def check_disk_space(folder: Path, needed: int) -> None:
    """Raise UserError where the packages would not fit on the disk: `needed` is in GiB."""
    free = shutil.disk_usage(folder).free / 2**30
    if free < needed:
        message = _(
            "The disk of {path} has {free:.1f} GB free, and about {needed} GB are needed: make room and run this again."
        )
        raise UserError(message.format(path=folder, free=free, needed=needed))


def find_card() -> tuple[tuple[int, int], str]:
    """CUDA compute capability and name of the most capable NVIDIA card; ((0, 0), "") where nvidia-smi names none."""
    nvidia_smi = shutil.which("nvidia-smi")
    if not nvidia_smi:
        return (0, 0), ""
    query = [nvidia_smi, "--query-gpu=compute_cap,name", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, encoding="utf-8", errors="replace")
    output = answer.stdout + answer.stderr
    cards = re.findall(r"^(\d+)\.(\d+), (.+)$", output, re.MULTILINE)
    if not cards:
        message = _(
            "nvidia-smi names no usable card ({reason}): going on without it. With an NVIDIA card in this machine, "
            "install its current driver from https://www.nvidia.com/drivers and run this again."
        )
        print(message.format(reason=" ".join(output.split()) or "-"), flush=True)
    return max((((int(major), int(minor)), name) for major, minor, name in cards), default=((0, 0), ""))
