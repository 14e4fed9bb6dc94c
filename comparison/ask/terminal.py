"""`--ask terminal`: type a title, see the answers of the four systems one after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from comparison.ask.session import Session, answer, as_text, figures, look_up
from comparison.cases import Found, find_products
from comparison.systems import SYSTEMS, System
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.screen import BANNER_LINE

if TYPE_CHECKING:
    from pipeline.search.retriever import Retrieved

print_piece = partial(print, end="", flush=True)


def ask_in_terminal(session: Session) -> None:
    """Answer one title a line, until an empty line or the end of the input."""
    print("\n" + _("Type the title of a product; an empty line ends."))
    for title in titles():
        found = look_up(session, title, session.settings)
        for system in SYSTEMS:
            print(f"\n{BANNER_LINE[: len(system.label)]}\n{_(system.label)}\n", flush=True)
            say(session, system, title, found)
        show_reference(find_products({title}, session.settings).get(title))


def titles() -> Iterator[str]:
    if not sys.stdin.isatty():
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    while True:
        print("\n" + _("Title:"), end=" ", flush=True)
        title = as_text(sys.stdin.readline())
        if not title:
            print(flush=True)
            return
        yield title


def say(session: Session, system: System, title: str, found: list[Retrieved]) -> None:
    """Print what one system says, piece by piece, or why it says nothing."""
    if system.name in session.missing:
        print(session.missing[system.name])
        return
    for document in found if system.retrieval else ():
        print(_("Found: {product} (score {score:.2f})").format(product=document.product, score=document.score))
    try:
        said = answer(session, system, title, found, session.settings, print_piece)
    except UserError as error:
        print(error)
        return
    print(_(said.answer.answer) if said.first_token is None else "\n\n" + figures(said), flush=True)


def show_reference(product: Found | None) -> None:
    if product is not None:
        print("\n" + _("Description in the catalogue: {text}").format(text=product.description), flush=True)
