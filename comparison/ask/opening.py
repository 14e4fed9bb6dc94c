"""`--ask`: load everything once, open the page, and answer what comes from it until Ctrl-C."""

from __future__ import annotations

import os
from importlib.util import find_spec

from comparison.ask.loopback import ADDRESS, bind, serve
from comparison.ask.session import open_session
from config import Settings
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _


def ask_on_page(settings: Settings) -> None:
    """Load everything, open the page, and answer until Ctrl-C. Raises UserError without Gradio or without the port."""
    require_gradio()
    listener = bind(settings.comparison.ask_port)
    session = open_session(settings)  # before Gradio, since Unsloth must be the first to import its libraries
    from comparison.ask.page import Page

    page = Page(session)
    serve(page.app(), listener)
    address = f"http://{ADDRESS}:{settings.comparison.ask_port}"
    print("\n" + _("Open in a browser on this computer: {address}   (Ctrl-C ends)").format(address=address), flush=True)
    page.desk.serve(session)


def require_gradio() -> None:
    """Gradio, set up to report to nobody. Raises UserError where it is not installed."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    if find_spec("gradio") is None:
        raise UserError(
            _(
                "The page needs Gradio, which is not installed. Install it: "
                "python -m pip install -r requirements-ask.txt -c constraints.txt (or add: --ask terminal)"
            )
        )
