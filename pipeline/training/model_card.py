"""The model card: what a trained adapter is, what it was made from, and how to use it."""

from __future__ import annotations

from pathlib import Path

from config import LEARNED, Settings
from pipeline.catalogue.prompts import NOT_IN_CATALOGUE, PromptFormat, product_prompt
from pipeline.model.packaged import licence
from pipeline.runtime.artifacts import content_hash, package_versions

CARD = """---
{front_matter}
---
# LoRA adapter: product descriptions from product titles

{base_line}{source} It was trained with supervised fine-tuning to write the description of a product from its title; the
loss counted the descriptions only.

## Use

```python
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

model = AutoPeftModelForCausalLM.from_pretrained("FOLDER_OR_REPOSITORY")
tokenizer = AutoTokenizer.from_pretrained("FOLDER_OR_REPOSITORY")
```

The prompt that it was trained on, with the title of the product in the place of TITLE:

```
{prompt}```

## Data

| file | SHA-256 |
|---|---|
{data}

{held_out_percent} % of the products, chosen by title, were kept out of the training.{documents}

## Losses

{losses}

Nats a token; perplexity is e to the loss.

## Settings

| setting | value |
|---|---|
{settings}

## Versions

{versions}
"""


def write_model_card(folder: Path, settings: Settings, form: PromptFormat, losses: dict[str, float]) -> None:
    """Write README.md, the model card, to `folder`; `losses` are the final ones in nats a token, each with its name."""
    model = settings.model
    is_local = Path(model.name).exists()
    base = Path(model.name).name if is_local else model.name
    front_matter = ["library_name: peft", "pipeline_tag: text-generation", "tags:", "- lora", "- sft"]
    if not is_local:  # the hub knows no local folder
        front_matter.insert(0, f"base_model: {base}")
    revision = f", revision `{model.revision}`" if model.revision else ""
    files = [settings.data.processed_file, settings.training.dataset_file]
    card = CARD.format(
        front_matter="\n".join(front_matter),
        base_line=f"An adapter for `{base}`{revision}{', loaded in 4 bits' if model.load_in_4bit else ''}.",
        source=_source(model.name),
        prompt=product_prompt("TITLE", form).removesuffix("\n") + "\n",
        data=_rows({f"`{file.name}`": f"`{content_hash(file)}`" for file in files if file.is_file()}),
        held_out_percent=settings.training.held_out_percent,
        documents=_documents(settings),
        losses="| loss | value |\n|---|---|\n" + _rows({name: f"{loss:.4f}" for name, loss in losses.items()}),
        settings=_rows(_settings(settings) | {"`model.name`": base}),
        versions=", ".join(f"{package} {version}" for package, version in package_versions().items()),
    )
    (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")


def _source(name: str) -> str:
    """Where the foundation model `name` comes from and its licence, where the project knows them."""
    known = licence(name)
    return f" That model, https://huggingface.co/{name}, is under the licence {known}." if known else ""


def _documents(settings: Settings) -> str:
    """What the examples with documents teach, where there are some."""
    share = settings.training.retrieval_share
    if not share:
        return ""
    return (
        f" {100 * share:g} % of the examples have {settings.rag.top_k} retrieved documents in the prompt; where the "
        f'product\'s own is not among them, the answer that was learned is "{NOT_IN_CATALOGUE}"'
    )


def _settings(settings: Settings) -> dict[str, str]:
    """The settings that decide what the adapter has learned, by their full names."""
    return {
        f"`{group_name}.{name}`": str(value)
        for group_name, group in settings.groups()
        for name, value in group.model_dump(mode="json", include=group.with_role(LEARNED)).items()
    }


def _rows(cells: dict[str, str]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in cells.items())
