"""The one Alpaca template that every system is asked with, and the texts that go into it."""

INSTRUCTION = "GET THE DESCRIPTION OF THIS PRODUCT"
RETRIEVAL_INSTRUCTION = INSTRUCTION + ": {product}"
DOCUMENT = "Product: {product} - Description: {description}"

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
        instruction=RETRIEVAL_INSTRUCTION.format(product=product), input="\n".join(documents)
    )


def document_text(product: str, description: str) -> str:
    """A product as retrieval stores and shows it, on one line."""
    return DOCUMENT.format(product=product, description=description)
