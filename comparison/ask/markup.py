"""The HTML of answers and documents. Every text goes through `text`: none is ever read as markup."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from comparison.ask.session import Said, figures
from comparison.ask.titles import Suggestion
from comparison.metrics import FUNCTION_WORDS, word_pattern, words
from comparison.systems import System
from pipeline.catalogue.prompts import document_text
from pipeline.runtime.messages import _
from pipeline.runtime.screen import harmless


@dataclass
class Column:
    """What one system has said so far, or why it says nothing."""

    text: str = ""
    said: Said | None = None
    fault: str = ""
    busy: bool = False


def text(value: str) -> str:
    """`value` as text of a page: nothing in it is markup, nor turns the direction of what follows."""
    return escape(harmless(value)).replace("$", "&#36;").replace("{", "&#123;")


def marked(answer: str, documents: list[str], title: str) -> str:
    """The answer with the words and numbers that stand in the documents marked; those of the title do not count."""
    taken = {word for document in documents for word in words(document)} - FUNCTION_WORDS - set(words(title))
    parts, end = [], 0
    for match in word_pattern().finditer(answer):
        parts.append(text(answer[end : match.start()]))
        word = text(match[0])
        parts.append(f"<mark>{word}</mark>" if match[0].casefold() in taken else word)
        end = match.end()
    return "".join([*parts, text(answer[end:])]).replace("</mark> <mark>", " ")


def column(system: System, state: Column, title: str, documents: list[str]) -> str:
    """The answer of one system under its name, with its figures."""
    if state.fault:
        body = f'<p class="fault">{text(state.fault)}</p>'
    else:
        said = state.said.answer.answer if state.said else state.text
        asked = state.said is None or state.said.first_token is not None
        shown = marked(said, documents if system.retrieval else [], title) if asked else text(_(said))
        body = f'<p class="said" dir="auto">{shown}{"<span class=caret></span>" if state.busy else ""}</p>'
    speed = f'<p class="figures">{text(figures(state.said))}</p>' if state.said else ""
    return f'<div class="answer s-{system.name}" aria-busy="{str(state.busy).lower()}">{body}{speed}</div>'


def documents_list(found: list) -> str:
    """The documents that the search found, with their scores; a text opens under its title."""
    if not found:
        return f'<p class="note">{text(_("No document was similar enough."))}</p>'
    scores = [text(_("score {n:.2f}").format(n=document.score)) for document in found]
    items = "".join(
        f'<details><summary><span dir="auto">{text(document.product)}</span> <span class="score">{score}</span>'
        f'</summary><p dir="auto">{text(document.text.removeprefix(document_text(document.product, "")))}</p></details>'
        for document, score in zip(found, scores, strict=True)
    )
    return f'<div class="found"><p class="note">{text(_("What was retrieved"))}</p>{items}</div>'


def reference(description: str | None, held_out: bool) -> str:
    """What the catalogue says of a title, and whether the adapter can have seen it."""
    if description is None:
        return f'<p class="note">{text(_("The catalogue has no description of this product."))}</p>'
    heading, mark = text(_("Description in the catalogue")), text(_("held out: never trained on"))
    badge = f' <span class="badge">{mark}</span>' if held_out else ""
    return f'<div class="reference"><h2>{heading}{badge}</h2><p dir="auto">{text(description)}</p></div>'


def suggestions(found: list[Suggestion]) -> str:
    """What the browser offers below the field of the title."""
    mark = text(_("held out: never trained on"))
    options = "".join(f'<option value="{text(title)}">{mark if held_out else ""}</option>' for title, held_out in found)
    return f'<datalist id="titles">{options}</datalist>'


def status(message: str) -> str:
    """What happens at present; screen readers say it."""
    return f'<p class="status" role="status">{text(message)}</p>'
