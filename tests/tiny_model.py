"""A language model that is made in a second and knows nothing: for what does not depend on what a model says."""

from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL = ("<|end|>", "<|pad|>", "<|turn|>")
END, PAD, TURN = range(len(SPECIAL))
SAYS = string.ascii_letters + string.digits + " ."
CHAT_TEMPLATE = (
    "{% for message in messages %}<|turn|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


def make_tiny_model(folder: Path, seed: int = 0) -> Path:
    """Write a random Llama of two layers to `folder`, with a tokenizer of single bytes and a chat template.

    It reads any text, and says letters, digits, blanks and full stops: always the same for one `seed`, in a loop, as
    small models do, or with an end after a few tokens.
    """
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    tokens = {"bos_token_id": None, "eos_token_id": END, "pad_token_id": PAD}
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        initializer_range=0.3,  # wide enough for clear differences between the tokens' logits
        tie_word_embeddings=False,
        **tokens,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    said = torch.zeros(len(tokenizer), 1)
    said[[END, *tokenizer.convert_tokens_to_ids(list(SAYS.replace(" ", "Ġ")))]] = 3
    model.lm_head.weight.data *= said  # a logit of 0 for all the others, which is seldom the largest
    model.generation_config = GenerationConfig(**tokens)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def byte_tokenizer() -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({name: number for number, name in enumerate(names)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=SPECIAL[END],
        pad_token=SPECIAL[PAD],
        extra_special_tokens=[SPECIAL[TURN]],
        chat_template=CHAT_TEMPLATE,
        model_max_length=8192,
        clean_up_tokenization_spaces=False,
    )
