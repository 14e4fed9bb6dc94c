"""Suggestions while a title is typed."""

from __future__ import annotations

from comparison.ask.titles import SUGGESTIONS, Titles
from pipeline.catalogue.products import is_held_out
from tests.running import demo_settings, write_catalogue


def test_titles_that_begin_so_come_first_each_once_and_held_out_ones_are_marked(tmp_path):
    titles = ["The Lamp", "lamp  post", "Lamp Post", "LAMP", *(f"Kettle {number}" for number in range(40))]
    write_catalogue(tmp_path, dict.fromkeys(titles, "A description."))
    settings = demo_settings(tmp_path)
    found = Titles(settings)
    assert [suggestion.title for suggestion in found.suggest(" Lamp")] == ["lamp  post", "LAMP", "The Lamp"]
    kettles = found.suggest("kettle")
    assert len(kettles) == SUGGESTIONS
    for title, held_out in kettles:
        assert held_out == is_held_out(title, settings.training.held_out_percent)
    assert found.suggest("  ") == found.suggest("nowhere") == []


def test_without_a_catalogue_nothing_is_suggested(tmp_path):
    assert Titles(demo_settings(tmp_path)).suggest("lamp") == []
