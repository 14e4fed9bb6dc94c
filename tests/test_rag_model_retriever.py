"""Script 7."""

from __future__ import annotations

import json

import pytest

from pipeline.catalogue.prompts import NOT_IN_CATALOGUE
from tests.pipeline_run import ANSWERS
from tests.running import DEMO, run_well_here
from tests.test_rag_search_vs import found_for

INDEX = ("trn_processed.json", "chroma_db*")

PROMPT = """\
Below is an instruction that describes a task, paired with an input that provides further context. Write a response \
that appropriately completes the request.

### Instruction:
GET THE DESCRIPTION OF THIS PRODUCT: {product}

### Input:
{documents}

### Response:
"""


def test_prompt_has_the_title_and_what_was_found(pipeline_run):
    done = pipeline_run.done["rag_model_retriever.py"]
    assert done.code == 0, done.errors
    answers = pipeline_run.answers("answers_rag.json")
    assert [answer["product"] for answer in answers] == pipeline_run.asked
    searched = found_for(pipeline_run.done["rag_search_vs.py"].screen)
    for answer in answers[:2]:
        found = searched[answer["product"]][:1]  # script 7 was asked for one, script 6 for three
        texts = [entry["text"] for entry in found]
        assert answer["prompt"] == PROMPT.format(product=answer["product"], documents="\n".join(texts))
        assert [document["text"] for document in answer["retrieved"]] == texts
        assert [document["product"] for document in answer["retrieved"]] == [entry["product"] for entry in found]
        assert [document["score"] for document in answer["retrieved"]] == pytest.approx(
            [entry["score"] for entry in found], abs=0.001
        )
        assert all(document["id"] for document in answer["retrieved"])
        assert f"\nGenerated answer:\n\n{answer['prompt']}\n{answer['answer']}\n" in done.screen


def test_steps_come_in_order(pipeline_run):
    screen = pipeline_run.done["rag_model_retriever.py"].screen
    steps = [
        "Creating the embedding model...",
        "vector_store created!",
        "# Loading the model and the tokenizer...",
        "and its tokenizer loaded!",
        "# Preparing the model for inference (predictions)...",
        "Model prepared for inference!",
        "Generated answer:",
        NOT_IN_CATALOGUE,
        "Answers saved to: ",
    ]
    assert [screen.count(step) for step in steps] == [1, 1, 1, 1, 1, 1, 2, 1, 1]
    assert [screen.index(step) for step in steps] == sorted(screen.index(step) for step in steps)


def test_what_is_not_in_the_catalogue_is_said_so_and_no_model_is_asked(pipeline_run, tmp_path):
    answer = pipeline_run.answers("answers_rag.json")[2]
    assert (answer["answer"], answer["tokens"], answer["retrieved"]) == (NOT_IN_CATALOGUE, 0, [])
    folder = pipeline_run.copy(tmp_path, *INDEX)
    flags = (*DEMO, "--products", "A Title That Is Nowhere", "--model.name", str(tmp_path / "no-model"))
    done = run_well_here("rag_model_retriever.py", folder, *flags, "--language", "pt_BR")
    assert "Este produto não está no catálogo." in done.screen
    [answer] = json.loads((folder / "answers_rag.json").read_text(encoding="utf-8"))
    assert answer["answer"] == NOT_IN_CATALOGUE


def test_texts_that_do_not_fit_are_cut_at_a_sentence(pipeline_run, tmp_path):
    folder = pipeline_run.copy(tmp_path, *INDEX)
    product = pipeline_run.products[0]
    flags = (*DEMO, *ANSWERS, "--products", product.product, "--rag.method", "keyword")
    whole = pipeline_run.answers("answers_rag.json")[0]
    run_well_here("rag_model_retriever.py", folder, *flags, "--model.max_seq_length", "500")
    [answer] = json.loads((folder / "answers_rag.json").read_text(encoding="utf-8"))
    [used] = [document["text"] for document in answer["retrieved"]]
    assert answer["prompt"] == PROMPT.format(product=product.product, documents=used)
    assert whole["retrieved"][0]["text"].startswith(used) and used != whole["retrieved"][0]["text"]
    assert used.endswith((".", "!", "?"))
