"""The page of `--ask`: a title, settings, and four columns that fill token by token."""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparison.ask import markup
from comparison.ask.choices import GENERATION, RAG, with_choices
from comparison.ask.desk import Desk, Job
from comparison.ask.keeping import keep
from comparison.ask.loopback import ADDRESS, bind, serve
from comparison.ask.markup import Column
from comparison.ask.session import Session, as_text, open_session
from comparison.ask.titles import Titles
from comparison.cases import find_products
from comparison.systems import SYSTEMS
from config import Settings
from pipeline.catalogue.prompts import NOT_IN_CATALOGUE
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

if TYPE_CHECKING:
    import gradio

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
RETRIEVING = [system for system in SYSTEMS if system.retrieval]


def ask_on_page(settings: Settings) -> None:
    """Load everything, open the page, and answer until Ctrl-C. Raises UserError without Gradio or without the port."""
    require_gradio()
    listener = bind(settings.comparison.ask_port)
    page = Page(open_session(settings))
    serve(page.app(), listener)
    address = f"http://{ADDRESS}:{settings.comparison.ask_port}"
    print("\n" + _("Open in a browser on this computer: {address}   (Ctrl-C ends)").format(address=address), flush=True)
    page.desk.serve(page.session)


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


class Page:
    """The page and what its visitors have asked; a visitor is one tab of the browser."""

    def __init__(self, session: Session) -> None:
        self.session, self.desk = session, Desk()
        self.titles = Titles(session.settings)
        self.jobs: dict[str, set[Job]] = defaultdict(set)

    def app(self) -> Any:
        """The ASGI app, which asks no other server for anything."""
        import gradio
        from fastapi import FastAPI

        theme = gradio.themes.Base(
            primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
        )
        return gradio.mount_gradio_app(
            FastAPI(openapi_url=None),
            self.blocks(),
            path="/",
            theme=theme,
            css=STYLE.read_text(encoding="utf-8"),
            js=SCRIPT.read_text(encoding="utf-8").replace("LANGUAGE", json.dumps(_language())),
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
        )

    def blocks(self) -> gradio.Blocks:
        """What stands on the page, from top to bottom, and what its parts do."""
        import gradio as gr

        with gr.Blocks(title=_("Ask four systems"), analytics_enabled=False) as blocks:
            gr.HTML(f"<h1>{markup.text(_('Ask four systems'))}</h1>")
            with gr.Row(elem_id="question", equal_height=True):
                title = gr.Textbox(
                    label=_("Title of a product"), lines=1, max_lines=1, scale=5, elem_id="title", autofocus=True
                )
                ask = gr.Button(_("Ask"), variant="primary", min_width=90)
                stop = gr.Button(_("Stop"), min_width=90)
                keeping = gr.Button(_("Keep"), min_width=90, interactive=False)
            offered = gr.HTML(markup.suggestions([]), elem_id="offered")
            with gr.Accordion(_("Settings"), open=False):
                choices = self.choices()
            status = gr.HTML(markup.status(""))
            reference = gr.HTML("")
            with gr.Row(elem_id="columns"):
                columns, documents = [], []
                for system in SYSTEMS:
                    with gr.Column(min_width=240):
                        gr.HTML(f'<h2 class="system s-{system.name}">{markup.text(_(system.label))}</h2>')
                        columns.append(gr.HTML(markup.column(system, self.at_first(system), "", [])))
                        if system.retrieval:
                            documents.append(gr.HTML(""))
            answers = gr.State(None)

        with blocks:
            quiet = {"show_progress": "hidden", "api_visibility": "private"}
            asked = {
                "inputs": [title, *choices.values()],
                "outputs": [status, *columns, *documents, answers, keeping],
                "concurrency_limit": None,
                "trigger_mode": "multiple",
                **quiet,
            }
            described = {"inputs": title, "outputs": reference, "concurrency_limit": None, **quiet}
            for event in (title.submit, ask.click):
                event(self.answers, **asked)
                event(self.describe, **described)
            title.input(
                lambda typed: markup.suggestions(self.titles.suggest(as_text(typed))),
                title,
                offered,
                queue=False,
                trigger_mode="always_last",
                **quiet,
            )
            stop.click(self.stop, None, None, queue=False, **quiet)
            keeping.click(self.keep, answers, status, **quiet)
            blocks.unload(self.stop)
        return blocks

    def choices(self) -> dict[str, Any]:
        """A field for each setting that a question can have of its own, with the value of the run."""
        import gradio as gr

        from config import GenerationSettings, RagSettings

        fields: dict[str, Any] = {}
        with gr.Row():
            for group, names in ((GenerationSettings, GENERATION), (RagSettings, RAG)):
                here = self.session.settings.generation if group is GenerationSettings else self.session.settings.rag
                for name in names:
                    field, value = group.model_fields[name], getattr(here, name)
                    about = {"label": name, "info": _(field.description), "value": value, "min_width": 200}
                    if name == "method":
                        fields[name] = gr.Radio(list(self.session.methods), **about)
                    else:
                        step = 1 if isinstance(value, int) else 0.05
                        fields[name] = gr.Number(step=step, precision=0 if step == 1 else None, **about)
        return fields

    def at_first(self, system) -> Column:
        return Column(fault=self.session.missing.get(system.name, ""))

    async def answers(self, title: str, *chosen: Any, request: gradio.Request) -> AsyncIterator[list]:
        """What each part of the page shows while the systems answer."""
        import gradio as gr

        show = View(self, as_text(title))
        if not show.title:
            yield show.parts(_("Type the title of a product first."))
            return
        try:
            settings = with_choices(self.session.settings, dict(zip((*GENERATION, *RAG), chosen, strict=True)))
        except UserError as error:
            yield show.parts(str(error))
            return
        news: asyncio.Queue = asyncio.Queue()
        loop = asyncio.get_running_loop()
        job = Job(show.title, settings, lambda *what: loop.call_soon_threadsafe(news.put_nowait, what))
        self.jobs[request.session_hash].add(job)
        self.desk.put(job)
        try:
            yield [markup.status(_("Another question is being answered; this one waits.")), *[gr.skip()] * 8]
            while not show.ended:
                show.take(await news.get())
                while not news.empty():
                    show.take(news.get_nowait())
                yield show.parts(settings=settings)
        finally:  # also when the page is closed
            job.stop()
            self.jobs[request.session_hash].discard(job)

    def describe(self, title: str) -> str:
        """The reference of a title, beside the answers: in a large catalogue it takes seconds to find."""
        title = as_text(title)
        product = find_products({title}, self.session.settings).get(title) if title else None
        return markup.reference(product and product.description, self.titles.held_out(title)) if title else ""

    def stop(self, request: gradio.Request) -> None:
        """Stop what this visitor has asked."""
        for job in list(self.jobs.get(request.session_hash, ())):
            job.stop()

    def keep(self, kept: tuple[dict, Settings] | None) -> str:
        if kept is None:
            return markup.status(_("There is no whole answer to keep."))
        try:
            files = keep(*kept)
        except UserError as error:
            return markup.status(str(error))
        return markup.status(_("Kept in: {files}").format(files=", ".join(file.name for file in files)))


class View:
    """What the page shows of one question."""

    def __init__(self, page: Page, title: str) -> None:
        self.title, self.ended, self.stopped = title, False, False
        self.columns = {system.name: page.at_first(system) for system in SYSTEMS}
        self.found: list | None = None

    def take(self, news: tuple[str, str, Any]) -> None:
        """Take in one of the things that a `Job` tells."""
        kind, name, value = news
        if kind == "found":
            self.found = value
        elif kind == "text":
            self.columns[name].text += value
            self.columns[name].busy = True
        elif kind == "said":
            self.columns[name].said, self.columns[name].busy = value, False
        elif kind == "fault":
            self.columns[name].fault, self.columns[name].busy = value, False
        elif kind == "end":
            self.ended, self.stopped = True, value
            for column in self.columns.values():
                column.busy = False

    def parts(self, problem: str = "", settings: Settings | None = None) -> list:
        """The values of the page's parts, in their order."""
        import gradio as gr

        texts = [document.text for document in self.found or ()]
        columns = [markup.column(system, self.columns[system.name], self.title, texts) for system in SYSTEMS]
        shown = "" if self.found is None else markup.documents_list(self.found)
        whole = {name: column.said.answer for name, column in self.columns.items() if column.said}
        kept = (whole, settings) if self.ended and whole else None
        state = _("Stopped.") if self.stopped else _("Answered.") if self.ended else _("Answering...")
        return [
            markup.status(problem or state),
            *columns,
            *[shown] * len(RETRIEVING),
            kept,
            gr.Button(interactive=kept is not None),
        ]


def _language() -> str:
    return "pt-BR" if _(NOT_IN_CATALOGUE) != NOT_IN_CATALOGUE else "en"
