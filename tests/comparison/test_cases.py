"""The products that the systems are compared on: which description an answer is measured against."""

from __future__ import annotations

import json

import pytest

from comparison.cases import find_products, sample_cases
from pipeline.runtime.artifacts import meta_path, write_meta
from pipeline.runtime.errors import UserError
from tests.pipeline.catalogue.test_products import DIFFERENT_TITLES
from tests.running import DEMO, assert_refused, demo_settings, run_script


def write_catalogue(folder, titles):
    settings = demo_settings(folder)
    lines = ",\n".join(json.dumps({"product": title, "description": f"About {title}."}) for title in titles)
    settings.data.processed_file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return settings


@pytest.mark.parametrize("alike", DIFFERENT_TITLES, ids=lambda titles: titles[0])
def test_an_answer_is_measured_against_the_description_of_its_own_product(tmp_path, alike):
    absent, *titles = alike
    settings = write_catalogue(tmp_path, titles)
    found = find_products(set(alike), settings)
    assert {title: product.description for title, product in found.items()} == {
        title: f"About {title}." for title in titles
    }


def test_every_spelling_that_was_asked_gets_the_description(tmp_path):
    settings = write_catalogue(tmp_path, ["Café Noir", "Lamp"])
    asked = {"LAMP", " lamp", "Cafe\u0301  noir", "cafe noir"}
    found = find_products(asked, settings)
    assert found.keys() == asked - {"cafe noir"}
    assert {product.product for product in found.values()} == {"Café Noir", "Lamp"}


def test_adapter_that_held_other_products_out_is_refused(tmp_path):
    settings = write_catalogue(tmp_path, [f"Lamp {number}" for number in range(40)])
    settings.model.lora_dir.mkdir()
    write_meta(settings.model.lora_dir, {"training": {"held_out_percent": 20}}, [])
    assert sample_cases(settings)
    meta = meta_path(settings.model.lora_dir)
    meta.write_text(json.dumps(json.loads(meta.read_text(encoding="utf-8")) | {"format": 1}), encoding="utf-8")
    with pytest.raises(UserError, match="earlier version"):
        sample_cases(settings)
    done = run_script("compare_models.py", tmp_path, *DEMO)
    assert_refused(done, "lora_model_demo", "earlier version", "python fine_tuning.py")
