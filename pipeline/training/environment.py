"""What a training runs on: packages, the card, and the package that reports its losses."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec

from config import Settings
from pipeline.model.loading import choose_backend
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.training.memory_plan import gigabytes


def report_environment(settings: Settings) -> None:
    """Print versions and the card, for comparing runs on different machines."""
    choose_backend(settings)
    import torch
    import transformers

    try:
        import triton
    except ImportError:
        triton = None
    facts = {
        _("Python version"): sys.version.replace("\n", ""),
        _("PyTorch version"): torch.__version__,
        _("Triton version"): triton.__version__ if triton else "-",
        _("Transformers version"): transformers.__version__,
        _("CUDA available"): torch.cuda.is_available(),
        _("CUDA version"): torch.version.cuda or "-",
        _("cuDNN version"): torch.backends.cudnn.version() or "-",
        _("Number of GPUs"): torch.cuda.device_count(),
    }
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        facts |= {
            _("Name of GPU 0"): card.name,
            _("Maximum memory"): gigabytes(card.total_memory),
            _("Reserved memory"): gigabytes(torch.cuda.memory_reserved(), digits=1),
        }
    else:
        facts[_("Processor")] = platform.processor() or platform.machine()
    for label, value in facts.items():
        print(f"{label:<22}: {value}")


def require_reporter(name: str) -> None:
    """Raise UserError unless the package is there that `training.report_to` names."""
    if name != "none" and not find_spec(name):
        raise UserError(
            _("training.report_to: {package} is not installed. Install it: pip install {package}").format(package=name)
        )
