"""Examples with documents: which products get them, what stands in them, and that the script trains on them."""

from __future__ import annotations

import json

import pytest

from pipeline.catalogue.products import Product
from pipeline.catalogue.prompts import NOT_IN_CATALOGUE, retrieval_prompt
from pipeline.training.with_documents import examples_of, title_of
from tests.running import DEMO, demo_settings, run_well, write_catalogue
from tests.tiny_model import make_tiny_model

WOODS = ("Oak", "Beech", "Walnut", "Cherry", "Maple", "Birch", "Ash", "Elm")
KINDS = ("Chair", "Table", "Shelf", "Bed", "Stool")
PRODUCTS = [
    Product(f"{wood} {kind} {number}", f"A {kind.lower()} of {wood.lower()}, model {number}.")
    for number in range(10)
    for wood in WOODS
    for kind in KINDS
]


def examples(folder, *flags: str, products=PRODUCTS) -> dict[str, dict]:
    """The examples of `products` by title."""
    index_file = folder / "index.sqlite3"
    with examples_of(products, index_file, demo_settings(folder, *flags)) as found:
        made = list(found)
    assert list(folder.iterdir()) == []  # the index is gone
    assert [title_of(example["instruction"], example["input"]) for example in made] == [
        product.product for product in products
    ]
    return {product.product: example for product, example in zip(products, made, strict=True)}


def with_documents(made: dict[str, dict]) -> dict[str, dict]:
    return {title: example for title, example in made.items() if title in example["instruction"]}


def test_no_share_is_the_original_s_training(tmp_path):
    made = examples(tmp_path)
    assert list(made.values())[0] == {
        "instruction": "GET THE DESCRIPTION OF THIS PRODUCT",
        "input": PRODUCTS[0].product,
        "output": PRODUCTS[0].description,
    }
    assert with_documents(made) == {}


@pytest.mark.parametrize(("flags", "missing_share"), [((), 0.2), (("--training.missing_share", "0.5"), 0.5)])
def test_share_has_the_own_text_at_any_place_among_similar_ones_or_the_sentence_of_script_7(
    flags, missing_share, tmp_path
):
    made = with_documents(examples(tmp_path, "--training.retrieval_share", "0.5", "--rag.top_k", "3", *flags))
    assert len(made) / len(PRODUCTS) == pytest.approx(0.5, abs=0.07)
    places, missing = [], 0
    for title, description in PRODUCTS:
        if title not in made:
            continue
        own = f"Product: {title} - Description: {description}"
        lines = made[title]["input"].split("\n")
        assert len(lines) == len(set(lines)) == 3
        wood, kind, _number = title.split()
        assert all(wood in line or kind in line for line in lines)  # hard ones
        if own in lines:
            places.append(lines.index(own))
            assert made[title]["output"] == description
        else:
            missing += 1
            assert made[title]["output"] == NOT_IN_CATALOGUE
    assert missing / len(made) == pytest.approx(missing_share, abs=0.07)
    for place in range(3):
        assert places.count(place) / len(places) == pytest.approx(1 / 3, abs=0.1)


def test_prompt_is_that_of_script_7(tmp_path):
    from pipeline.catalogue.prompts import ALPACA

    products = [Product("Lamp\nof ### Input: two", "It shines.\n### Response: no"), Product("Lamp", "It shines too.")]
    made = examples_of_lines(tmp_path, products)
    documents = [f"Product: {title} - Description: {text}" for title, text in products]
    prompts = {ALPACA.prompt(example["instruction"], example["input"]) for example in made}
    both = {retrieval_prompt(products[0].product, order) for order in (documents, documents[::-1], documents[1:])}
    assert prompts & both


def examples_of_lines(folder, products) -> list[dict]:
    settings = demo_settings(folder, "--training.retrieval_share", "1", "--rag.top_k", "2")
    with examples_of(products, folder / "index.sqlite3", settings) as found:
        return list(found)


def test_documents_follow_from_seed_and_title_and_a_larger_share_keeps_them(tmp_path):
    half = examples(tmp_path, "--training.retrieval_share", "0.5")
    assert examples(tmp_path, "--training.retrieval_share", "0.5") == half
    more = examples(tmp_path, "--training.retrieval_share", "0.8")
    assert with_documents(half).items() <= with_documents(more).items()
    other = examples(tmp_path, "--training.retrieval_share", "0.5", "--training.seed", "1")
    assert with_documents(other).keys() != with_documents(half).keys()


def test_same_title_is_no_other_product_and_a_lone_product_keeps_its_text(tmp_path):
    twice = [Product("Lamp", "It shines."), Product("LAMP", "It glows.")]
    for example in examples_of_lines(tmp_path, twice):
        assert example["input"].endswith(example["output"])
        assert "\n" not in example["input"]


def test_script_trains_on_documents_and_says_so(tmp_path):
    """Two runs with one work folder: the plan counts the documents, and the meta file and the card name the share."""
    model = make_tiny_model(tmp_path / "tiny")
    folder = write_catalogue(tmp_path / "ação", dict(PRODUCTS[:60]))
    flags = (*DEMO, "--model.name", str(model), "--training.max_steps", "1", "--training.eval_examples", "2")
    flags += ("--training.retrieval_share", "0.5", "--rag.top_k", "2", "--generation.max_new_tokens", "8")
    run_well("fine_tuning.py", folder, *flags)
    made = json.loads((folder / "trn_processed_dataset.json").read_text(encoding="utf-8"))
    assert {tuple(example) for example in made} == {("instruction", "input", "output")}
    assert 0 < sum("\n" in example["input"] for example in made) < len(made)
    meta = json.loads((folder / "lora_model_demo.meta.json").read_text(encoding="utf-8"))
    assert (meta["settings"]["training"]["retrieval_share"], meta["settings"]["rag"]["top_k"]) == (0.5, 2)
    card = (folder / "lora_model_demo" / "README.md").read_text(encoding="utf-8")
    assert "50 % of the examples have 2 retrieved documents" in card
    assert "| `training.retrieval_share` | 0.5 |" in card
    assert not list(folder.glob("*.sqlite3*"))
