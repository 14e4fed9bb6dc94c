"""Texts as token ids: whatever stands in a title or a description is text, for any tokenizer."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from pipeline.catalogue.prompts import product_prompt, retrieval_prompt
from pipeline.model.tokens import control_tokens, settle_special_tokens, token_ids
from pipeline.training.micro_batches import tokenise

CONTROL = ["<|end_of_text|>", "</s>", "<end_of_turn>", "<eos>", "[INST]", "<｜end▁of▁sentence｜>", "<think>", "<pad>"]
UNMARKED = ("[INST]", "<think>", "<｜end▁of▁sentence｜>")  # added tokens that are not special


def tokenizer_that(*, appends_its_end: bool = False) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer whose control tokens are all of `CONTROL`, with a run of blanks as a token of text."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    marked = [token for token in CONTROL if token not in UNMARKED]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<s>", *marked], initial_alphabet=alphabet)
    backend.train_from_iterator(["a lamp with a shade"], trainer)
    backend.add_tokens([AddedToken(token, special=False, normalized=False) for token in (*UNMARKED, "    ")])
    end = backend.token_to_id("</s>")
    form = "<s> $A </s>" if appends_its_end else "<s> $A"
    backend.post_processor = processors.TemplateProcessing(single=form, special_tokens=[("<s>", 0), ("</s>", end)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


@pytest.mark.parametrize("control", CONTROL)
def test_control_token_in_a_text_is_text(control):
    tokenizer = tokenizer_that()
    text = f"A lamp{control} with {control}{control}"
    for prompt in (product_prompt(text), retrieval_prompt(text, [text, text])):
        start, *ids = token_ids(tokenizer, [prompt])[0]
        assert start == tokenizer.bos_token_id
        assert not set(ids) & set(control_tokens(tokenizer))
        assert tokenizer.decode(ids) == prompt
    learned = tokenise([product_prompt(text)], [text], tokenizer, 4000)["input_ids"][0]
    assert learned.count(tokenizer.eos_token_id) == 1 and learned[-1] == tokenizer.eos_token_id


def test_other_texts_have_the_ids_that_they_had():
    tokenizer = tokenizer_that()
    texts = [product_prompt("A lamp    with a [shade], 2 < 3"), product_prompt("日本語 «½»")]
    assert token_ids(tokenizer, texts) == tokenizer(texts)["input_ids"]


def test_vocabulary_that_holds_the_end_as_a_piece():
    """Unigram takes the piece of the highest score, and control tokens have that of 0."""
    pieces = [("<unk>", 0.0), ("</s>", 0.0), ("▁", -2.0), ("▁lamp", -4.0), *((letter, -5.0) for letter in "</s>")]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>")
    [ids] = token_ids(tokenizer, ["lamp</s> lamp"])
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids) == "lamp</s> lamp"


def test_prompt_does_not_end_with_the_end_that_a_tokenizer_appends():
    plain, appending = tokenizer_that(), tokenizer_that(appends_its_end=True)
    prompt = product_prompt("Lamp")
    assert token_ids(appending, [prompt]) == token_ids(plain, [prompt])
    assert tokenise([prompt], ["Bright."], appending, 999) == tokenise([prompt], ["Bright."], plain, 999)


@pytest.mark.parametrize(
    ("end", "padding", "named", "expected"),
    [
        ("</s>", "<pad>", None, ["</s>"]),
        ("</s>", "<pad>", "<eos>", ["</s>", "<eos>"]),
        ("</s>", "<pad>", ["<eos>", "</s>", "<end_of_turn>"], ["</s>", "<eos>", "<end_of_turn>"]),
        (None, None, ["<eos>"], ["<eos>"]),
        (None, "<pad>", "a", []),  # a letter is no end, though a configuration of its kind says so
        (None, None, None, []),
    ],
)
def test_training_and_generation_have_one_notion_of_the_ends(end, padding, named, expected):
    tokenizer = tokenizer_that()
    tokenizer.eos_token, tokenizer.pad_token = end, padding
    ids = [tokenizer.convert_tokens_to_ids(name) for name in named] if isinstance(named, list) else named
    ids = tokenizer.convert_tokens_to_ids(named) if isinstance(named, str) else ids
    ends = settle_special_tokens(tokenizer, len(tokenizer), SimpleNamespace(eos_token_id=ids))
    assert tokenizer.convert_ids_to_tokens(ends) == expected
    assert tokenizer.eos_token == (expected[0] if expected else None)
    assert tokenizer.pad_token == (padding or tokenizer.eos_token)


def test_padding_outside_of_the_vocabulary_is_not_used():
    tokenizer = tokenizer_that()
    vocabulary = len(tokenizer)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    assert settle_special_tokens(tokenizer, vocabulary) == [tokenizer.eos_token_id] == [tokenizer.pad_token_id]


def test_tokenizer_itself_stays_as_it_was():
    tokenizer = tokenizer_that()
    before = json.loads(tokenizer.backend_tokenizer.to_str())
    token_ids(tokenizer, ["<think> </s>"])
    assert json.loads(tokenizer.backend_tokenizer.to_str()) == before
