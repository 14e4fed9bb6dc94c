"""Script 7."""

from __future__ import annotations

import json

from tests.conftest import ANSWERS
from tests.running import DEMO, run_well
from tests.test_rag_search_vs import found_for

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
    for answer in answers:
        texts = [entry["text"] for entry in searched[answer["product"]]]
        assert answer["prompt"] == PROMPT.format(product=answer["product"], documents="\n".join(texts))
        assert [document["text"] for document in answer["retrieved"]] == texts
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
        "Answers saved to: ",
    ]
    assert [screen.count(step) for step in steps] == [1, 1, 1, 1, 1, 1, 3, 1]
    assert [screen.index(step) for step in steps] == sorted(screen.index(step) for step in steps)


def test_prompt_too_long_for_the_model_keeps_the_best_documents(pipeline_run, tmp_path):
    folder = pipeline_run.copy(tmp_path, "trn_processed.json", "chroma_db", "chroma_db.meta.json")
    whole = pipeline_run.answers("answers_rag.json")[0]
    flags = (*DEMO, *ANSWERS, "--products", whole["product"], "--rag.top_k", "8", "--model.max_seq_length", "600")
    run_well("rag_model_retriever.py", folder, *flags)
    [answer] = json.loads((folder / "answers_rag.json").read_text(encoding="utf-8"))
    used = [document["text"] for document in answer["retrieved"]]
    assert 1 <= len(used) < 8
    assert used[:3] == [document["text"] for document in whole["retrieved"]][: len(used)]
    assert answer["prompt"] == PROMPT.format(product=whole["product"], documents="\n".join(used))
