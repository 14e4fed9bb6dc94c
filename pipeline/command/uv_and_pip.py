"""How bootstrap.py calls uv and pip. Standard library only: nothing is installed yet."""

import ast
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

from pipeline.runtime.messages import _

LOCK = "constraints.txt"
NO_DEPS = "requirements-no-deps.txt"  # packages that are installed without what they require
PYTORCH_INDEX = "https://download.pytorch.org/whl/"
CPU, CUDA, OLDER_CUDA = "cpu", "auto", "cu126"  # kinds of PyTorch in uv's words; `auto` looks at the card's driver
# pip's settings (a company's index, certificate, proxy), and the environment variables by which uv knows them.
PIP_SETTINGS_IN_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_OFFLINE",
    "constraint": "UV_CONSTRAINT",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}


def command_for_uv(python: str) -> list[str]:
    """The command that gives `python` the uv of the lock, ready made: its source needs a Rust compiler."""
    options = ["--quiet", "--retries", "1", "--only-binary", "uv", "--constraint", LOCK]
    return [python, "-m", "pip", "install", *options, "uv"]


def commands_for(python: str, name: str, kind: str, with_uv: bool) -> list[list[str]]:
    """The commands that install the set `name`, in order.

    PyTorch goes first and alone, from its own index, so that nothing that needs torch can bring another build: PyPI's
    is CPU-only on Windows and of CUDA on Linux. All other packages come from wherever pip is configured to look.
    """
    tool = ["-m", "uv", "pip", "install", "--python", python] if with_uv else ["-m", "pip", "install"]
    pip = [python, *tool, "--constraint", LOCK]
    if name == "dev":
        return [[*pip, "--requirement", "requirements-dev.txt"]]
    torch = ["torch"] if kind == CPU else ["torch", "torchvision"]
    requirements = "requirements-cpu.txt" if kind == CPU else "requirements.txt"
    return [
        [*pip, *torch, *source_of_torch(kind, with_uv)],
        [*pip, "--requirement", requirements],
        [*pip, "--no-deps", "--requirement", NO_DEPS],
    ]


def source_of_torch(kind: str, with_uv: bool) -> list[str]:
    """The options that bring PyTorch's build of this kind, also in place of another; none where PyPI's is the one."""
    if kind == CPU and sys.platform != "linux":
        return []
    if not answers(f"{PYTORCH_INDEX}{CPU}/torch/"):
        message = _("{index} does not answer: PyTorch comes from where pip is configured to look.")
        print(message.format(index=PYTORCH_INDEX), file=sys.stderr)
        return []
    if with_uv:
        return ["--upgrade", f"--torch-backend={kind}"]
    return ["--upgrade", "--extra-index-url", PYTORCH_INDEX + ("cu130" if kind == CUDA else kind)]


def answers(address: str) -> bool:
    """Whether a web address can be reached from here, within seconds."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=5):
            return True
    except OSError:
        return False


def environment_of_installers(python: str) -> dict[str, str]:
    """The environment for pip and uv: uv reads none of pip's files and variables, and gets its settings here."""
    listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, encoding="utf-8").stdout
    settings = {
        "UV_INDEX_STRATEGY": "unsafe-best-match",  # the best version of all indexes, as pip takes it
        "UV_COMPILE_BYTECODE": "1",  # as pip does: else each script's first start takes twice as long
    }
    for section in ("global", "install", ":env:"):  # the later one counts
        for key, value in re.findall(rf"^{section}\.([\w-]+)=(['\"].+['\"])$", listed, re.MULTILINE):
            if key in PIP_SETTINGS_IN_UV:
                separator = "," if key == "find-links" else " "
                settings[PIP_SETTINGS_IN_UV[key]] = separator.join(ast.literal_eval(value).split())
    if Path(python).drive != Path.home().drive:
        settings["UV_LINK_MODE"] = "copy"  # no links lead from uv's cache to another drive, and uv would warn of it
    settings["UV_SYSTEM_CERTS"] = "1"  # with the certificates that a company has added to the system, as pip does
    # No question where nobody sees it; and no `user` setting, with which pip refuses a virtual environment.
    of_pip = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0"}
    return {**settings, **os.environ, **of_pip, "PYTHONUTF8": "1"}
