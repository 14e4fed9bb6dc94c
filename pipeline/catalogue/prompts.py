"""The one Alpaca template that every system is asked with, and the texts that go into it."""

import re

from pipeline.runtime.messages import N_

INSTRUCTION = "GET THE DESCRIPTION OF THIS PRODUCT"
RETRIEVAL_INSTRUCTION = INSTRUCTION + ": {product}"
DOCUMENT = "Product: {product} - Description: {description}"

# The answer where the index has nothing like the product; the model is not asked. Translated only for the screen.
NOT_IN_CATALOGUE = N_("This product is not in the catalogue.")

NEXT_QUESTION = "### Instruction:"  # a model that has learned this template may go on with a question of its own
ALPACA_TEMPLATE = """Below is an instruction that describes a task, paired with an input that provides further \
context. Write a response that appropriately completes the request.

### Instruction:
{instruction}

### Input:
{input}

### Response:
"""


def product_prompt(product: str) -> str:
    """The prompt of training, of the foundation model and of the fine-tuned model: the title is the input."""
    return ALPACA_TEMPLATE.format(instruction=INSTRUCTION, input=product)


def retrieval_prompt(product: str, documents: list[str]) -> str:
    """The prompt of retrieval: the title is in the instruction, one retrieved `DOCUMENT` a line is the input."""
    return ALPACA_TEMPLATE.format(
        instruction=RETRIEVAL_INSTRUCTION.format(product=in_its_place(product)),
        input="\n".join(map(in_its_place, documents)),
    )


HEADING = re.compile(r"#{2,}(?=\s*(?:instruction|input|response)\b)", re.IGNORECASE)


def in_its_place(text: str) -> str:
    """`text` on one line, so that it stays in its place in the prompt: retrieved texts come from anywhere.

    The signs of `### Response:` and the template's other headings go; all other texts stay as they are. Control tokens
    are the tokenizer's matter, see `pipeline.model.tokens`.
    """
    text = " ".join(text.splitlines())
    before = None
    while before != text:  # what is left must not make a new one
        before = text
        text = HEADING.sub("", text)
    return text


def document_text(product: str, description: str) -> str:
    """A product as retrieval stores and shows it, on one line."""
    return DOCUMENT.format(product=product, description=description)
