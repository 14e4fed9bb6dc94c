"""Products as documents: one, or several where the embedding model could not read the whole text.

A document is `Product: title - Description: text`, and the texts of a product's documents, one after the other, are its
description, character by character. A title that would take more than half of the model's window stands whole in the
first document, alone; the others carry its beginning. So the space that an index needs grows with the catalogue only.
"""

from __future__ import annotations

import copy
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from langchain_core.documents import Document

from pipeline.catalogue.products import Product
from pipeline.catalogue.prompts import document_text
from pipeline.search.embedding import CHARACTERS_PER_TOKEN, model_of, window_of

if TYPE_CHECKING:
    from langchain_huggingface import HuggingFaceEmbeddings
    from sentence_transformers import SentenceTransformer

TITLE_SHARE = 2  # a title may take one part in so many of the window
SHORTEST_PART = 16  # tokens of a description that a part holds, however small the window

# Where a part may end, best first: after a sentence, after a clause, after a word.
BOUNDARIES = tuple(map(re.compile, (r"[.!?]\s+|[。！？]", r"[;,]\s+|[；，、]", r"\s+")))

Splitter = Callable[[list[Product]], "list[list[Document]]"]
TokenCounter = Callable[[list[str]], list[int]]


def splitter_for(embeddings: HuggingFaceEmbeddings) -> Splitter:
    """A function that turns products into their documents, each as long as the embedding model reads at most.

    (256 tokens for all-MiniLM-L6-v2, 384 for all-mpnet-base-v2.)
    """
    model = model_of(embeddings)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"  # off by default for programs that fork; this one has only threads
    tokens = token_counter(model)
    window = max(window_of(model) - _tokens_around_a_text(model, tokens), SHORTEST_PART)

    def documents(product: Product) -> list[Document]:
        title = product.product
        most = window // TITLE_SHARE
        begin = title[: CHARACTERS_PER_TOKEN * most]
        short = begin[: fitting(begin, lambda text: _count(tokens, document_text(text, "")), most)].rstrip()
        start = document_text(short, "")
        most = max(window, _count(tokens, start) + SHORTEST_PART)
        parts = slices_of(product.description, lambda text: _count(tokens, start + text), most)
        whole_title = [] if short == title else [make_document(title, "")]
        return whole_title + [make_document(short, part) for part in parts]

    def split(products: list[Product]) -> list[list[Document]]:
        texts = [document_text(*product) for product in products]
        longest = CHARACTERS_PER_TOKEN * window  # a longer one is split without being tokenised as a whole
        lengths = tokens([text if len(text) <= longest else "" for text in texts])
        return [
            [make_document(*product)] if len(text) <= longest and length <= window else documents(product)
            for product, text, length in zip(products, texts, lengths, strict=True)
        ]

    return split


def make_document(title: str, description: str) -> Document:
    text = document_text(title, description)
    return Document(text, id=document_id(title, text), metadata={"product": title})


def document_id(title: str, text: str) -> str:
    """32 hex digits that follow from a document's title and text: where the title ends, the text does not say."""
    return hashlib.sha256(f"{len(title)} {text}".encode()).hexdigest()[:32]


def slices_of(text: str, length: Callable[[str], int], most: int) -> Iterator[str]:
    """`text` in pieces of `length` at most `most`; joined, they are `text`. The time grows with `text` evenly."""
    start, farthest = 0, CHARACTERS_PER_TOKEN * most
    look_ahead = farthest
    while start < len(text):
        ahead = text[start : start + look_ahead]
        size = fitting(ahead, length, most)
        if size == look_ahead < farthest:
            look_ahead = farthest
            continue
        yield ahead[:size]
        start += size
        look_ahead = min(2 * size, farthest)  # the next piece is about as long


def fitting(ahead: str, length: Callable[[str], int], most: int) -> int:
    """How many characters of `ahead` are one piece of `length` at most `most`: at least 1, if there is any."""
    longest = length(ahead)
    if longest <= most:
        return len(ahead)
    fits, reached, too_long = min(1, len(ahead)), length(""), len(ahead)
    near = most // 16  # enough: the piece ends at the last boundary before it
    while most - reached > near and too_long - fits > 1:
        # Tokens are spread about evenly: their number says where. At least an eighth is gained each time.
        share = (most - near / 2 - reached) / (longest - reached)
        middle = fits + max(1, int((too_long - fits) * min(max(share, 1 / 8), 7 / 8)))
        if (tokens := length(ahead[:middle])) <= most:
            fits, reached = middle, tokens
        else:
            too_long, longest = middle, tokens
    for boundary in BOUNDARIES:
        ends = [match.end() for match in boundary.finditer(ahead, 0, fits)]
        if ends:
            return ends[-1]
    return fits


def token_counter(model: SentenceTransformer) -> TokenCounter:
    """A function that says how many tokens each of some texts has for `model`, without those that mark the ends."""
    tokenizer = copy.deepcopy(model.tokenizer)  # a separate tokenizer: truncation is set for all threads that share one
    if not callable(tokenizer):  # of the library `tokenizers`, as static embeddings have, or a list of words
        if not hasattr(tokenizer, "encode_batch"):
            return lambda texts: [len(tokenizer.tokenize(text)) for text in texts]
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return lambda texts: [len(encoded.ids) for encoded in tokenizer.encode_batch(texts, add_special_tokens=False)]

    def tokens(texts: list[str]) -> list[int]:
        encoded = tokenizer(
            texts,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            truncation=False,
            verbose=False,
        )
        return [len(ids) for ids in encoded["input_ids"]]

    return tokens


def _count(tokens: TokenCounter, text: str) -> int:
    [length] = tokens([text])
    return length


def _tokens_around_a_text(model: SentenceTransformer, tokens: TokenCounter) -> int:
    """Those that mark its start and its end, and the model's prompt for documents."""
    tokenizer = model.tokenizer
    marks = tokenizer.num_special_tokens_to_add() if callable(tokenizer) else 0  # only those of transformers add some
    return marks + _count(tokens, model.prompts.get("document", ""))
