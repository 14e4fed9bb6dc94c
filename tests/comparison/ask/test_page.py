"""The page of --ask in real Chromium, and what its server refuses."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.asking import CATALOGUE, HOSTILE, NOWHERE, Work, make_work
from tests.comparison.browser import CHROMIUM
from tests.running import DEADLINE, run_script

pytest.importorskip("gradio", reason="Gradio is not installed: requirements-ask.txt")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: requirements-dev.txt")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

TITLE = next(iter(CATALOGUE))
FIXED = "This product is not in the catalogue."
FILES = ("foundation", "fine_tuned", "rag", "rag_fine_tuned")


class Served(NamedTuple):
    work: Work
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def status(self, path: str = "/", method: str = "GET", **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers={"Host": f"127.0.0.1:{self.port}"} | names)
        return connection.getresponse().status


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition, what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def answers_at(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory, small_embedding_model) -> Iterator[Served]:
    work, port = make_work(tmp_path_factory.mktemp("página"), small_embedding_model), free_port()
    log = (work.folder / "log").open("wb")
    process = work.start("--comparison.ask_port", str(port), stdout=log, stderr=log)
    try:
        wait_until(lambda: answers_at(port) or process.poll() is not None, "the page never came")
        assert process.poll() is None, (work.folder / "log").read_text(encoding="utf-8")
        yield Served(work, port)
    finally:
        process.kill()
        process.wait()
        log.close()
    assert "Traceback" not in (work.folder / "log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Tab:
    """One tab with the page, and what went wrong in it."""

    def __init__(self, browser, served: Served, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.faults.append("a script of a text ran"), dialog.dismiss()))
        own = (served.address, "data:", "blob:")
        self.page.on("request", lambda asked: None if asked.url.startswith(own) else self.faults.append(asked.url))
        self.open(served)

    def open(self, served: Served) -> None:
        self.page.goto(served.address)
        self.title.wait_for()

    @property
    def title(self):
        return self.page.get_by_label("Title of a product")

    def type(self, title: str) -> None:
        self.title.fill(title)
        self.page.keyboard.press("Enter")

    def ask(self, title: str) -> list[str]:
        """The four answers about a title."""
        self.type(title)
        self.wait_for("Answered.")
        return self.answers()

    def answers(self) -> list[str]:
        return [text.strip() for text in self.page.locator(".answer > p:first-child").all_text_contents()]

    def wait_for(self, status: str) -> None:
        self.page.get_by_role("status").filter(has_text=status).wait_for(timeout=60_000)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button).click()


@pytest.fixture
def tab(browser, served) -> Iterator[Tab]:
    opened = Tab(browser, served)
    yield opened
    opened.context.close()
    assert opened.faults == []


# ------------------------------------------------------------------------------------------------------ the answers


def test_answers_documents_reference_and_what_is_kept(tab, served):
    for name in FILES:
        assert not (served.work.folder / f"answers_{name}.json").exists()
    shown = tab.ask(TITLE)
    documents = tab.page.locator(".found details").all_text_contents()
    assert len(documents) == 4 and TITLE in documents[0] and "score 1.00" in documents[0]
    assert CATALOGUE[TITLE] in tab.page.locator(".reference").text_content()
    assert tab.page.locator(".figures").all_text_contents()[0].count("tokens/s") == 1
    tab.press("Keep")
    tab.wait_for("Kept in: ")
    kept = [json.loads((served.work.folder / f"answers_{name}.json").read_text(encoding="utf-8")) for name in FILES]
    assert [answers[0]["answer"].strip() for answers in kept] == shown
    ways = ("foundation_model.py", "ft_test_trained_model.py", "rag_model_retriever.py")
    for script, name, answers in zip(ways, FILES, kept, strict=False):
        meta = read_meta(served, name)
        served.work.run(script, "--products", TITLE)
        again = json.loads((served.work.folder / f"answers_{name}.json").read_text(encoding="utf-8"))
        assert without_time(again) == without_time(answers)
        assert {key: read_meta(served, name)[key] for key in ("settings", "inputs")} == meta


def read_meta(served: Served, name: str) -> dict:
    file = served.work.folder / f"answers_{name}.json.meta.json"
    meta = json.loads(file.read_text(encoding="utf-8"))
    return {key: meta[key] for key in ("settings", "inputs")}


def without_time(answers: list[dict]) -> list[dict]:
    return [{key: value for key, value in answer.items() if key != "seconds"} for answer in answers]


def test_kept_answers_are_not_mixed_with_those_of_other_settings(tab, served):
    tab.ask(TITLE)
    tab.press("Keep")
    tab.wait_for("Kept in: ")
    before = (served.work.folder / "answers_rag.json").read_bytes()
    tab.press("Settings")
    tab.page.get_by_label("seed").fill("7")
    tab.ask("Kettle Paraty")
    tab.press("Keep")
    tab.wait_for("other settings: generation.seed")
    assert (served.work.folder / "answers_rag.json").read_bytes() == before


def test_what_is_not_in_the_catalogue_gets_the_fixed_sentence(tab):
    assert tab.ask(NOWHERE)[2:] == [FIXED, FIXED]
    assert tab.page.locator(".figures").all_text_contents()[2:] == ["No model was asked."] * 2


def test_titles_are_suggested_as_one_types(tab):
    tab.title.press_sequentially("carpet s")
    option = tab.page.locator("#titles option[value='Carpet Sintra']")
    option.wait_for(state="attached")
    assert tab.title.get_attribute("list") == "titles"
    tab.title.fill("")
    tab.title.press_sequentially("lamp")
    tab.page.locator("#titles option[value='Lamp Olinda']").wait_for(state="attached")
    assert "held out" in tab.page.locator("#titles option[value='Lamp Olinda']").text_content()


@pytest.mark.parametrize("title", [HOSTILE, "<script>alert(1)</script>", "${alert(1)} {{value}} {#if 1}", "x" * 10_000])
def test_a_title_is_text_whatever_it_holds(tab, title):
    tab.ask(title)
    assert tab.page.locator(".answer img, .answer b, .found b, .reference b, .reference script").count() == 0
    if title == HOSTILE:
        assert "<script>alert(2)</script>" in tab.page.locator(".reference").text_content()
        assert "<b>Bule</b>" in tab.page.locator(".found").first.text_content()


# ----------------------------------------------------------------------------------------------- stop, wait, close


def long_answer(tab: Tab) -> None:
    tab.press("Settings")
    tab.page.get_by_label("max_new_tokens").fill("1500")
    tab.type("Violin Olinda")
    tab.page.locator(".caret").first.wait_for()


def test_stop_and_a_second_question_that_waits(browser, served, tab):
    long_answer(tab)
    second = Tab(browser, served)
    second.type(TITLE)
    second.wait_for("Another question is being answered; this one waits.")
    tab.press("Stop")
    tab.wait_for("Stopped.")
    second.wait_for("Answered.")
    second.context.close()
    assert second.faults == []


def test_a_page_that_is_closed_stops_its_answer(browser, served, tab):
    closed = Tab(browser, served)
    long_answer(closed)
    closed.context.close()
    start = time.monotonic()
    tab.ask(TITLE)
    assert time.monotonic() - start < 30


def test_reload_gives_a_page_that_answers(tab, served):
    tab.ask(TITLE)
    tab.open(served)
    assert len(tab.ask(TITLE)) == 4


# --------------------------------------------------------------------------------------------- for everybody, alone


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(browser, served, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    tab = Tab(browser, served, width, scheme)
    tab.ask(TITLE)
    tab.press("Settings")
    found = axe.Axe().run(tab.page).response["violations"]
    assert [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")] == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    tab.context.close()
    assert tab.faults == []


def test_keyboard_alone(tab):
    assert tab.title.evaluate("field => field === document.activeElement")
    tab.page.keyboard.type(TITLE)
    tab.page.keyboard.press("Enter")
    tab.wait_for("Answered.")
    reached = []
    for _press in range(12):
        tab.page.keyboard.press("Tab")
        reached.append(tab.page.evaluate("document.activeElement.innerText || document.activeElement.tagName"))
    assert {"Ask", "Stop", "Keep"} <= {text.strip() for text in reached}


def test_only_the_own_browser_is_answered(served):
    port = served.port
    assert served.status() == 200
    assert served.status(Host=f"localhost:{port}") == 200
    assert served.status(Host="evil.example") == 403
    assert served.status(Host=f"evil.example:{port}") == 403
    join = "/gradio_api/queue/join"
    assert served.status(join, "POST", Origin="http://evil.example") == 403
    assert served.status(join, "POST", Origin="null") == 403
    assert served.status(join, "POST", Sec_Fetch_Site="cross-site") == 403
    assert served.status("/config", Sec_Fetch_Site="same-site") == 403
    for path in ("config.py", "/etc/passwd", str(Path(__file__))):
        for route in ("/gradio_api/file=", "/file=", "/static/../../", "/"):
            assert served.status(route + path) in (403, 404), route + path


def test_it_listens_on_the_loopback_address_alone(served):
    own = [ip for *_kind, (ip, *_port) in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    for address in {ip for ip in own if not ip.startswith("127.")}:
        with socket.socket() as client:
            assert client.connect_ex((address, served.port)) != 0


def test_port_that_is_taken(served):
    flags = (*served.work.flags, "--ask", "--comparison.ask_port", str(served.port))
    done = run_script("compare_models.py", served.work.folder, *flags)
    assert done.code == 2
    assert re.search(rf"Port {served.port} cannot be had .*--comparison.ask_port {served.port + 1}", done.errors)
