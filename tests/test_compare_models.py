"""Script 8: known answers in, known figures and sentences out; answers are generated once, and named when outdated."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.model.answers import Answer, save_answers
from pipeline.runtime.artifacts import write_meta
from tests.comparison.browser import CHROMIUM, open_in_chromium
from tests.running import (
    DEMO,
    Finished,
    assert_refused,
    demo_settings,
    kill_when,
    run_here,
    run_well,
    run_well_here,
    start,
)

SYSTEMS = ("foundation", "fine_tuned", "rag", "rag_fine_tuned")
NOT_IN_CATALOGUE = "This product is not in the catalogue."
SCRIPT = '<script>alert("taken")</script> \x1b[31m\u202ered =1+1'
LOOP = "It is also very easy to clean. " * 12


def sentences(number: int) -> str:
    """A description that shares few words with those of other products."""
    words = [f"{start}{number}{end}" for start in ("kar", "lom", "tes", "vin") for end in ("do", "ma", "pe")]
    return " ".join(words).capitalize() + f". Measures {10 + number} x {20 + number} cm."


def compared(
    folder: Path,
    catalogue: dict[str, str],
    answers: dict[str, dict[str, str]],
    *flags: str,
    run: Callable[..., Finished] = run_well_here,
) -> Finished:
    """Run script 8 on a catalogue and on answers of scripts 2, 4 and 7 (by system, by title)."""
    settings = demo_settings(folder)
    lines = ",\n".join(json.dumps({"product": title, "description": text}) for title, text in catalogue.items())
    settings.data.processed_file.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")
    for system, texts in answers.items():
        made = [
            Answer(title, text, "", 0 if text == NOT_IN_CATALOGUE else 40, 0.5, {"max_new_tokens": 128})
            for title, text in texts.items()
        ]
        save_answers(getattr(settings.answers, f"{system}_file"), made, settings)
    return run("compare_models.py", folder, *DEMO, "--sample", "0", *flags)


def report(folder: Path) -> dict:
    return json.loads((folder / "comparison.json").read_text(encoding="utf-8"))


# --------------------------------------------------------------------------------------------------- known answers


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> tuple[Path, Finished]:
    """A run on answers of every kind, which the tests below read."""
    folder = tmp_path_factory.mktemp("conhecidas é")
    reference = "Keep warm at school in this coat. Measures 78 cm. Wash at 30 degrees, on a gentle cycle."
    catalogue = {
        "Copied": reference,
        "Shuffled": reference,
        "Empty": reference,
        "Loop": reference,
        "Abstained": reference,
        SCRIPT: reference,
        "芭蕾舞裙": "适合2至8岁女孩的舞蹈短裙，非常适合练习和表演。",
        "كتاب الطبخ": "وصفات تقليدية من المطبخ العربي مع 120 صورة.",
    }
    rag = {
        **catalogue,
        "Shuffled": "cycle gentle a on degrees 30 at Wash cm 78 Measures coat this in school at warm Keep",
        "Empty": "",
        "Loop": LOOP,
        "Abstained": NOT_IN_CATALOGUE,
        SCRIPT: "=HYPERLINK(1) <img src=x onerror=alert(1)> | [x](javascript:alert(1))",
        "Nowhere": NOT_IN_CATALOGUE,
    }
    foundation = dict.fromkeys(rag, "This is a very good product.")
    return folder, compared(folder, catalogue, {"foundation": foundation, "rag": rag}, run=run_well)


def answer(folder: Path, title: str, system: str = "rag") -> dict:
    return next(product for product in report(folder)["products"] if product["product"] == title)["answers"][system]


def test_known_answers_have_known_figures(known):
    folder, _done = known
    copied = answer(folder, "Copied")
    assert [copied[name] for name in ("chrf", "rouge_l", "meaning", "grounded")] == pytest.approx([100] * 4, abs=0.1)
    shuffled = answer(folder, "Shuffled")
    assert shuffled["grounded"] == 100
    assert shuffled["rouge_l"] < 30
    assert 50 < shuffled["meaning"] < 99
    assert [answer(folder, "Empty")[name] for name in ("chrf", "meaning", "grounded")] == [0, 0, None]
    assert answer(folder, "Loop")["loops"]
    abstained = answer(folder, "Abstained")
    assert (abstained["abstained"], abstained["chrf"], abstained["meaning"]) == (True, 0, 0)
    for title in ("芭蕾舞裙", "كتاب الطبخ"):
        assert answer(folder, title)["chrf"] == pytest.approx(100)
        assert answer(folder, title)["rouge_l"] == pytest.approx(100)


def test_abstentions_are_right_or_wrong(known):
    shares = report(known[0])["shares"]["rag"]
    assert (shares["abstained_right"]["hits"], shares["abstained_right"]["n"]) == (1, 1)
    assert (shares["abstained_wrong"]["hits"], shares["abstained_wrong"]["n"]) == (1, 8)
    assert "Retrieval did not find 1 of 8 products that are in the index." in known[1].screen


def test_few_products_decide_nothing(known):
    assert "cannot be concluded from 8 products" in known[1].screen.replace("\n", " ")
    assert {difference["result"] for difference in report(known[0])["differences"]} == {"few"}


def test_intervals_are_written_as_the_language_has_them_and_one_product_has_none(tmp_path):
    catalogue = {title: sentences(number) for number, title in enumerate(("One", "Two"))}
    rag = {title: text[: len(text) // (number + 2)] for number, (title, text) in enumerate(catalogue.items())}
    both = compared(tmp_path, catalogue, {"foundation": catalogue, "rag": rag}, "--language", "pt_BR")
    assert re.search(r"\[\d+,\d; \d+,\d\]", both.screen)
    rag.pop("Two")
    one = compared(tmp_path, catalogue, {"foundation": {"One": catalogue["One"]}, "rag": rag})
    assert "cannot be concluded from a single product" in " ".join(one.screen.split())
    assert not re.search(r"\[\d+", one.screen)
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert not re.search(r'interval">\[[\d.]+,', page)
    assert "BCa bootstrap" not in page
    assert "called a tie" not in page


def test_screen_shows_product_by_system_and_nothing_that_a_terminal_obeys(known):
    screen = known[1].screen
    assert re.search(r"\| Product +\| Foundation model +\| Retrieval +\|", screen)
    assert "芭蕾舞裙" in screen
    assert not set("\x1b\u202e") & set(screen)


def test_other_files_hold_what_is_said_and_nothing_that_runs(known):
    folder, _done = known
    with (folder / "comparison.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18
    formula = next(row for row in rows if row["product"] == SCRIPT and row["system"] == "rag")
    assert formula["answer"].startswith("'=HYPERLINK(")
    markdown = (folder / "comparison.md").read_text(encoding="utf-8")
    assert "| Product | Foundation model | Retrieval |" in markdown
    assert not re.search(r"(?<!\\)\]\(javascript", markdown)
    assert "<img" not in markdown
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert "alert(" not in page


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on this machine")
def test_page_shows_every_product_and_runs_none(known):
    folder, _done = known
    opened = open_in_chromium((folder / "comparison.html").read_text(encoding="utf-8"), folder)
    assert opened.faults == []
    assert opened.articles == 9
    assert opened.marks > 5
    assert '<script>alert("taken")</script>' in opened.text
    assert opened.text.count("适合2至8岁") == 2


# ------------------------------------------------------------------------------------------------------- the verdict


def test_verdict_names_the_better_system_in_both_languages(tmp_path):
    catalogue = {f"Product {number}": sentences(number) for number in range(24)}
    other = {title: sentences(100 + number) for number, title in enumerate(catalogue)}
    answers = {"foundation": other, "fine_tuned": other, "rag": catalogue}
    done = compared(tmp_path, catalogue, answers)
    screen = " ".join(done.screen.split())
    headline = report(tmp_path)["verdict"]["headline"]
    assert re.fullmatch(
        r"Retrieval is better than fine-tuning by [\d.]+ chrF \(95% interval [\d.]+ to [\d.]+\), "
        r"on 24 products not seen in training\.",
        headline,
    )
    assert headline in screen
    assert "Fine-tuning and the foundation model are tied: they differ by 0.0 chrF" in screen
    again = run_well_here("compare_models.py", tmp_path, *DEMO, "--sample", "0", "--language", "pt_BR")
    assert re.search(r"O RAG supera o fine-tuning em \d+,\d chrF", again.screen)
    assert 'lang="pt-BR"' in (tmp_path / "comparison.html").read_text(encoding="utf-8")


def test_trained_products_are_shown_and_not_counted_and_copies_are_named(tmp_path):
    catalogue = {f"Product {number}": sentences(number) for number in range(6)}
    settings = demo_settings(tmp_path)
    examples = [{"instruction": "", "input": title, "output": text} for title, text in list(catalogue.items())[:2]]
    settings.training.dataset_file.write_text(
        "[\n" + ",\n".join(map(json.dumps, examples)) + "\n]\n", encoding="utf-8", newline="\n"
    )
    settings.model.lora_dir.mkdir()
    write_meta(settings.training.dataset_file, {"max_examples": 2}, [])
    write_meta(settings.model.lora_dir, {"training": {"max_examples": 2, "held_out_percent": 10}}, [])
    memorised = {**dict.fromkeys(catalogue, "A thing."), "Product 1": catalogue["Product 1"][:-9]}
    done = compared(tmp_path, catalogue, {"foundation": dict.fromkeys(catalogue, "A"), "fine_tuned": memorised})
    products = {product["product"]: product for product in report(tmp_path)["products"]}
    assert [title for title, product in products.items() if product["trained_on"]] == ["Product 0", "Product 1"]
    assert report(tmp_path)["counted"] == 4
    assert products["Product 1"]["answers"]["fine_tuned"]["repeats_example"]
    screen = " ".join(done.screen.split())
    assert "since the model was trained on them: 2." in screen
    assert "Fine-tuning: 1 of 6 answers repeat a training example word for word." in screen


def test_outdated_answers_are_named_and_not_counted(tmp_path):
    catalogue = {f"Product {number}": sentences(number) for number in range(3)}
    compared(tmp_path, catalogue, {"foundation": catalogue, "fine_tuned": catalogue})
    settings = demo_settings(tmp_path)
    settings.model.lora_dir.mkdir()
    (settings.model.lora_dir / "adapter_model.safetensors").write_bytes(b"a newer adapter")
    write_meta(settings.model.lora_dir, {"training": {}}, [])
    done = run_well_here("compare_models.py", tmp_path, *DEMO, "--sample", "0", "--generation.temperature", "0.9")
    screen = " ".join(done.screen.split())
    assert "answers_foundation.json was made with other settings: generation.temperature" in screen
    assert "generation.temperature; an older adapter than that in" in screen
    assert report(tmp_path)["means"]["foundation"]["chrf"] is None
    assert all(product["answers"]["fine_tuned"]["stale"] for product in report(tmp_path)["products"])


def test_answers_that_a_script_has_not_made_are_named(tmp_path):
    catalogue = {f"Product {number}": sentences(number) for number in range(3)}
    compared(tmp_path, catalogue, {"foundation": catalogue, "fine_tuned": catalogue})
    screen = " ".join(run_well_here("compare_models.py", tmp_path, *DEMO, "--sample", "0").screen.split())
    assert "answers_rag.json is not there" in screen
    assert "python rag_model_retriever.py" in screen


def test_nothing_to_compare_says_what_to_run(tmp_path):
    done = run_here("compare_models.py", tmp_path, *DEMO, "--sample", "0")
    assert_refused(done, "no answers to compare", "python foundation_model.py", "--sample 200")


# ------------------------------------------------------------------------------------------------- generated answers


def generated(folder: Path) -> list[dict]:
    """The answers in the file of the sample; a line that was cut in two is none."""
    entries, system = [], ""
    for line in (folder / "comparison_answers.jsonl").read_text(encoding="utf-8").split("\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        system = entry.get("system", system)
        entries += [(system, entry["answer"]["product"], entry["indexed"])] if "answer" in entry else []
    return entries


def test_sample_is_held_out_and_half_of_it_is_not_in_the_index(pipeline_run):
    sampled = [product for product in report(pipeline_run.folder)["products"] if product["sampled"]]
    assert Counter(product["indexed"] for product in sampled) == {True: 2, False: 1}
    assert not any(product["trained_on"] for product in sampled)
    indexed = {product.product for product in pipeline_run.products[:24]}
    for product in sampled:
        assert set(product["answers"]) == set(SYSTEMS)
        found = {document["product"] for document in product["answers"]["rag"]["retrieved"]}
        assert (product["product"] in found) == product["indexed"]
        assert not product["indexed"] or product["product"] in indexed


def test_fourth_system_is_asked_what_script_7_was_asked(pipeline_run):
    answers = {answer["product"]: answer["answer"] for answer in pipeline_run.answers("answers_rag_fine_tuned.json")}
    assert set(answers) == set(pipeline_run.asked)
    with_documents = [answer for answer in pipeline_run.answers("answers_rag.json") if answer["retrieved"]]
    assert any(answers[answer["product"]] != answer["answer"] for answer in with_documents)


def test_speed_and_memory_of_each_system_are_measured(pipeline_run):
    for speed in report(pipeline_run.folder)["speed"].values():
        assert speed["tokens_per_second"] > 0
        assert 0 < speed["first_token_seconds"] < 60
        assert speed["peak_gib"] > 0.1


def test_killed_comparison_goes_on_and_asks_nothing_twice(pipeline_run, tmp_path):
    folder = pipeline_run.copy(tmp_path, "trn_processed*", "lora_model_demo*")
    flags = (*DEMO, "--sample", "6", "--generation.max_new_tokens", "12", "--generation.batch_size", "1")
    file = folder / "comparison_answers.jsonl"
    kill_when(start("compare_models.py", folder, *flags), lambda: file.is_file() and b'"answer"' in file.read_bytes())
    before = generated(folder)
    with file.open("ab") as end:
        end.write(b'{"answer": {"product": "cut in')
    done = run_well_here("compare_models.py", folder, *flags)
    assert "Left out: Retrieval, Retrieval + fine-tuning." in done.screen
    assert 0 < len(before) < len(generated(folder)) == 12
    assert max(Counter(generated(folder)).values()) == 1
    assert generated(folder)[: len(before)] == before
