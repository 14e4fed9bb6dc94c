"""The project's Alpaca template, the form of prompts in general, and the texts that go into them."""

import re
from typing import NamedTuple

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


class PromptFormat(NamedTuple):
    """What stands around an instruction and its input, in every prompt of this form.

    `marks` are words that the two may not hold, and `end` is the token that ends an answer, where the form has its own.
    """

    name: str
    before: str
    between: str
    after: str
    marks: tuple[str, ...] = ()
    end: int | None = None

    def prompt(self, instruction: str, input: str) -> str:
        return self.before + self._unmarked(instruction) + self.between + self._unmarked(input) + self.after

    def request(self, prompt: str) -> str:
        """What a prompt of this form has between `before` and `after`: text, whatever it holds."""
        return prompt.removeprefix(self.before).removesuffix(self.after)

    def _unmarked(self, text: str) -> str:
        while any(mark in text for mark in self.marks):  # what is left must not make a new one
            for mark in self.marks:
                text = text.replace(mark, "")
        return text


ALPACA = PromptFormat("alpaca", *re.split(r"\{instruction\}|\{input\}", ALPACA_TEMPLATE))


def product_prompt(product: str, form: PromptFormat = ALPACA) -> str:
    """The prompt of training, of the foundation model and of the fine-tuned model: the title is the input."""
    return form.prompt(INSTRUCTION, product)


def retrieval_prompt(product: str, documents: list[str], form: PromptFormat = ALPACA) -> str:
    """The prompt of retrieval: the title is in the instruction, one retrieved `DOCUMENT` a line is the input."""
    return form.prompt(retrieval_instruction(product), retrieval_input(documents))


def retrieval_instruction(product: str) -> str:
    return RETRIEVAL_INSTRUCTION.format(product=in_its_place(product))


def retrieval_input(documents: list[str]) -> str:
    return "\n".join(map(in_its_place, documents))


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
