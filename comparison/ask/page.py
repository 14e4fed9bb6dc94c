"""The page of `--ask`: a title, settings, and four columns that fill token by token.

Gradio is imported here and nowhere else: `comparison.ask.opening` first sees whether it is there.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI

from comparison.ask import markup
from comparison.ask.choices import GENERATION, RAG, with_choices
from comparison.ask.desk import Desk, Job
from comparison.ask.keeping import keep
from comparison.ask.markup import Column
from comparison.ask.session import Session, as_text
from comparison.ask.titles import Titles
from comparison.cases import find_products
from comparison.systems import SYSTEMS, System
from config import Settings
from pipeline.catalogue.prompts import NOT_IN_CATALOGUE
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
RETRIEVING = [system for system in SYSTEMS if system.retrieval]


class Page:
    """The page and what its visitors have asked; a visitor is one tab of the browser."""

    def __init__(self, session: Session) -> None:
        self.session, self.desk = session, Desk()
        self.titles = Titles(session.settings)
        self.jobs: dict[str, set[Job]] = defaultdict(set)

    def app(self) -> Any:
        """The ASGI app, which asks no other server for anything."""
        theme = gr.themes.Base(
            primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
        )
        return gr.mount_gradio_app(
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

    def blocks(self) -> gr.Blocks:
        """What stands on the page, from top to bottom, and what its parts do."""
        with gr.Blocks(title=_("Ask four systems"), analytics_enabled=False) as blocks:
            gr.HTML(f"<h1>{markup.text(_('Ask four systems'))}</h1>")
            title, ask, stop, keeping = self.question()
            offered = gr.HTML(markup.suggestions([]), elem_id="offered")
            with gr.Accordion(_("Settings"), open=False):
                choices = self.choices()
            status = gr.HTML(markup.status(""))
            reference = gr.HTML("")
            columns, documents = self.columns()
            answers = gr.State(None)

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

    def question(self) -> tuple[gr.Textbox, gr.Button, gr.Button, gr.Button]:
        """The field of the title, and the buttons beside it."""
        with gr.Row(elem_id="question"):
            title = gr.Textbox(
                label=_("Title of a product"), lines=1, max_lines=1, scale=5, elem_id="title", autofocus=True
            )
            ask = gr.Button(_("Ask"), variant="primary", min_width=90)
            stop = gr.Button(_("Stop"), min_width=90)
            keeping = gr.Button(_("Keep"), min_width=90, interactive=False)
        return title, ask, stop, keeping

    def columns(self) -> tuple[list[gr.HTML], list[gr.HTML]]:
        """A column for each system: the places of the answers, and those of the documents below them."""
        columns, documents = [], []
        with gr.Row(elem_id="columns"):
            for system in SYSTEMS:
                with gr.Column(min_width=240):
                    gr.HTML(f'<h2 class="system s-{system.name}">{markup.text(_(system.label))}</h2>')
                    columns.append(gr.HTML(markup.column(system, self.at_first(system), "", [])))
                    if system.retrieval:
                        documents.append(gr.HTML(""))
        return columns, documents

    def choices(self) -> dict[str, Any]:
        """A field for each setting that a question can have of its own, with the value of the run."""
        settings, fields = self.session.settings, {}
        with gr.Row(elem_id="choices"):
            for group, names in ((settings.generation, GENERATION), (settings.rag, RAG)):
                for name in names:
                    field, value = type(group).model_fields[name], getattr(group, name)
                    about = {"label": name, "info": _(field.description), "value": value, "min_width": 200}
                    if name == "method":
                        fields[name] = gr.Radio(list(self.session.methods), **about)
                    else:
                        step = 1 if isinstance(value, int) else 0.05
                        fields[name] = gr.Number(step=step, precision=0 if step == 1 else None, **about)
        return fields

    def at_first(self, system: System) -> Column:
        """The column before anything is asked: empty, or why this system cannot answer."""
        return Column(fault=self.session.missing.get(system.name, ""))

    async def answers(self, request: gr.Request, title: str, *chosen: Any) -> AsyncIterator[list]:
        """What each part of the page shows while the systems answer."""
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
        waits = self.desk.put(job)
        try:
            yield show.parts(_("Another question is being answered; this one waits.") if waits else "")
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

    def stop(self, request: gr.Request) -> None:
        """Stop what this visitor has asked."""
        for job in list(self.jobs.get(request.session_hash, ())):
            job.stop()

    def keep(self, kept: tuple[dict, Settings] | None) -> str:
        """Keep the whole answers of the last question; returns what became of it."""
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
