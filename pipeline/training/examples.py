"""The training examples: from the clean catalogue to the file that keeps them, and on to the tokens that are learned.

They are tokenised once, and the tokens stay on the disk, so that training on a large catalogue needs little memory.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from config import EXAMPLES, Settings
from pipeline.catalogue.products import Product, is_held_out, read_products
from pipeline.catalogue.prompts import product_prompt
from pipeline.model.configuration import Configuration
from pipeline.runtime.artifacts import OUT_OF_SPACE, new_file, write_meta
from pipeline.runtime.errors import UserError
from pipeline.runtime.messages import _
from pipeline.runtime.progress import progress_bar
from pipeline.training.micro_batches import tokenise_dataset
from pipeline.training.with_documents import examples_of

if TYPE_CHECKING:
    from datasets import Dataset


class Examples(NamedTuple):
    """What is trained on and what is held out, tokenised; `held_out` is None where nothing is."""

    training: Dataset
    held_out: Dataset | None


def select_examples(settings: Settings) -> tuple[list[Product], int]:
    """The first products of the catalogue that are not held out, and how many held-out ones were passed over.

    Raises UserError where there is none to train on.
    """
    training = settings.training
    examples, held_out = [], 0
    with progress_bar(_("Processing lines"), read_products(settings.data.processed_file)) as products:
        for product in products:
            if training.max_examples and len(examples) == training.max_examples:
                break
            if is_held_out(product.product, training.held_out_percent):
                held_out += 1
            else:
                examples.append(product)
    if not examples:
        raise UserError(_("{file} holds no product to train on.").format(file=settings.data.processed_file))
    return examples, held_out


def write_examples(examples: list[Product], held_out: int, settings: Settings) -> None:
    """Write `training.dataset_file` and its meta file, which says how many products were `held_out`."""
    training = settings.training
    made_with = training.model_dump(mode="json", include=training.with_role(EXAMPLES))
    if training.retrieval_share:
        made_with |= {"seed": training.seed, "top_k": settings.rag.top_k}  # the documents depend on them
    write_examples_file(examples, training.dataset_file, settings)
    write_meta(
        training.dataset_file,
        made_with,
        [settings.data.processed_file],
        records=len(examples),
        held_out=held_out,
    )


def write_examples_file(products: list[Product], file: Path, settings: Settings) -> None:
    """Write a JSON array of `instruction`, `input` and `output`, one example a line."""
    index_file = file.with_name(file.name + ".keywords.sqlite3")
    with examples_of(products, index_file, settings) as examples, new_file(file) as output:
        for number, example in enumerate(progress_bar(_("Saving records"), examples, total=len(products))):
            output.write(b",\n" if number else b"[\n")
            output.write(json.dumps(example, ensure_ascii=False).encode("utf-8"))
        output.write(b"\n]\n")


def load_examples(file: Path, folder: Path) -> Dataset:
    """The examples of `file` as a dataset of `instruction`, `input` and `output`, which is kept in `folder`.

    `datasets` would take the name of a file for a pattern, in which `[1]` stands for `1`, and read another file. So it
    gets the examples one by one.
    """
    from datasets import Dataset

    return Dataset.from_generator(read_examples, gen_kwargs={"file": str(file)}, cache_dir=str(folder))


def read_examples(file: str) -> Iterator[dict[str, str]]:
    """The examples of a file that `write_examples_file` wrote."""
    with Path(file).open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if line not in ("[\n", "]\n"):
                yield json.loads(line.rstrip(",\n"))


def require_usable_path(settings: Settings) -> None:
    """Raise UserError where `datasets` takes a part of the folder of its files for an address."""
    if "::" in str(settings.training.output_dir.absolute()):
        raise UserError(
            _("training.output_dir: a path with :: cannot be used: {path}. Choose another --work_dir.").format(
                path=settings.training.output_dir
            )
        )


def to_prompts(dataset: Dataset, foundation: Configuration, settings: Settings) -> Dataset:
    """`dataset` with the columns `prompt`, which is read, and `completion`, which is learned."""
    form = foundation.form
    return dataset.map(
        lambda example: {
            "prompt": form.prompt(example["instruction"], example["input"]),
            "completion": example["output"],
        },
        desc=_("Formatting prompts"),
        num_proc=processes(settings),
    )


def tokenise_prompts(prompts: Dataset, foundation: Configuration, settings: Settings) -> Dataset:
    """`prompts` as `input_ids` and `labels`; says how many do not fit into the window.

    Raises UserError where none does.
    """
    tokenised = tokenise_dataset(
        prompts,
        foundation.tokenizer,
        foundation.window,
        foundation.form,
        desc=_("Tokenising"),
        num_proc=processes(settings),
    )
    if not len(tokenised):
        raise UserError(
            _("No example fits into {window} tokens. Raise --model.max_seq_length.").format(window=foundation.window)
        )
    report_what_does_not_fit(prompts, tokenised, foundation)
    return tokenised


def held_out_examples(foundation: Configuration, settings: Settings) -> Dataset | None:
    """The first products of the catalogue that are held out, tokenised; None where none is held out or fits.

    They are the same ones however many products are trained on.
    """
    from datasets import Dataset

    training = settings.training
    products = read_products(settings.data.processed_file)
    held_out = (product for product in products if is_held_out(product.product, training.held_out_percent))
    rows = [
        {"prompt": product_prompt(product, foundation.form), "completion": description}
        for product, description in islice(held_out, training.eval_examples)
    ]
    if not rows:
        return None
    tokenised = tokenise_dataset(
        Dataset.from_list(rows),
        foundation.tokenizer,
        foundation.window,
        foundation.form,
        desc=_("Tokenising the held-out products"),
    )
    if not len(tokenised):
        print(
            "\n"
            + _("No held-out product fits into {window} tokens, so there will be no held-out loss.").format(
                window=foundation.window
            )
        )
        return None
    return tokenised


def report_what_does_not_fit(prompts: Dataset, tokenised: Dataset, foundation: Configuration) -> None:
    """Say how many of the `prompts` the window cuts off or leaves out."""
    left_out = len(prompts) - len(tokenised)
    cut = number_cut(tokenised, foundation)
    if not cut and not left_out:
        return
    print(
        "\n"
        + _(
            "Of {all:,} examples, {cut:,} are cut off at {window:,} tokens and do not teach where a description ends; "
            "{left_out:,} are left out, since the prompt alone is that long. Raise --model.max_seq_length, up to what "
            "the model reads."
        ).format(all=len(prompts), cut=cut, window=foundation.window, left_out=left_out)
    )


def number_cut(tokenised: Dataset, foundation: Configuration) -> int:
    """How many examples fill the window and do not end with the end-of-text token."""
    full = [number for number, length in enumerate(token_lengths(tokenised)) if length == foundation.window]
    end = foundation.tokenizer.eos_token_id
    return sum(ids[-1] != end for ids in tokenised.select(full)["input_ids"])


def token_lengths(tokenised: Dataset) -> Sequence[int]:
    """The number of tokens of each example, read from the table without the tokens themselves."""
    from pyarrow.compute import list_value_length

    return array("L", list_value_length(tokenised.data["input_ids"]).to_pylist())


def processes(settings: Settings) -> int | None:
    """For `datasets`, None is this process; 1 would start another one."""
    return settings.training.dataset_num_proc if settings.training.dataset_num_proc > 1 else None


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Raise the OSError that says that the disk is full, where `datasets` hides it behind an error of its own."""
    try:
        yield
    except Exception as error:
        while error and getattr(error, "errno", None) not in OUT_OF_SPACE:
            error = error.__cause__ or error.__context__
        if error:
            raise error from None
        raise
