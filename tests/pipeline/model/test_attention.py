"""Attention on a processor: keys and values that several heads read are not copied for each of them."""

from __future__ import annotations

from pipeline.command.command_line import read_settings
from pipeline.model.answers import Question, answers_in_order
from pipeline.model.loading import load_foundation_model, prepare_for_inference
from tests.running import DEMO
from tests.tiny_model import make_tiny_model


def test_groups_are_read_in_place_with_the_same_answers(tmp_path, monkeypatch):
    from transformers.integrations import sdpa_attention

    model = make_tiny_model(tmp_path / "tiny")
    flags = [*DEMO, "--model.name", str(model), "--generation.max_new_tokens", "8", "--generation.do_sample", "false"]
    settings = read_settings("", flags)
    language_model = prepare_for_inference(load_foundation_model(settings), settings)
    config = language_model.model.config
    assert config.num_attention_heads > config.num_key_value_heads
    questions = [Question(title, f"Describe: {title}") for title in ("a lamp", "a very comfortable chair")]  # padded

    def no_copies(*_tensors):
        raise AssertionError("copied")

    with monkeypatch.context() as patch:
        patch.setattr(sdpa_attention, "repeat_kv", no_copies)
        in_place = answers_in_order(language_model, questions, settings)
    monkeypatch.setattr(sdpa_attention, "use_gqa_in_sdpa", lambda *_tensors: False)
    copied = answers_in_order(language_model, questions, settings)
    assert [answer.answer for answer in in_place] == [answer.answer for answer in copied]
