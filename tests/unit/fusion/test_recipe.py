import pytest

from chiasm.errors import RecipeError
from chiasm.fusion.recipe import Recipe, load_recipe, recipe_names


def test_recipes_load_and_survive_a_round_trip(tmp_path):
    import yaml

    assert recipe_names() == ("offline", "pretrained")
    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe.name == name and recipe.description
        copy = tmp_path / "copy.yaml"
        copy.write_text(yaml.safe_dump(recipe.to_dict()))
        assert load_recipe(str(copy)) == recipe


def test_overrides_reach_nested_keys():
    recipe = load_recipe(
        "offline",
        {
            "training.epochs": "3",
            "fusion.prefixes": "[32]",
            "training.learning_rate": "1e-4",
            "encoders.image.encoder": "open_clip-image:some/where",
            "encoders.image.student.epochs": "2",
            "encoders.text": "null",
        },
    )
    assert recipe.training.epochs == 3 and recipe.fusion.prefixes == (32,)
    assert recipe.training.learning_rate == 1e-4
    assert recipe.encoders.image.encoder == "open_clip-image:some/where"
    assert recipe.encoders.image.student == {"epochs": 2}
    assert recipe.encoders.text is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"training.epoch": "3"}, "known keys are .*training.epochs"),
        ({"trainin.epochs": "3"}, "unknown key trainin"),
        ({"training.epochs": "many"}, "training.epochs must be int"),
        ({"training.epochs": "true"}, "training.epochs must be int"),
        ({"name.x": "1"}, "name has no keys of its own"),
        ({"fusion.heads": "7"}, "multiple of fusion.heads"),
        ({"fusion.prefixes": "[512]"}, "prefixes must lie below"),
        ({"graph.fanout": "[3]"}, "one number a layer"),
        ({"training": "3"}, "must be a mapping"),
        ({"training.epochs": "{"}, "no valid YAML"),
    ],
)
def test_impossible_recipes_are_refused(overrides, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe("offline", overrides)


@pytest.mark.parametrize(("text", "message"), [("- 1", "mapping"), ("{", "no valid YAML")])
def test_files_that_are_no_recipe(tmp_path, text, message):
    file = tmp_path / "r.yaml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=message):
        load_recipe(str(file))
    with pytest.raises(RecipeError, match="no such recipe"):
        load_recipe(str(tmp_path / "none.yaml"))


def test_defaults_in_code_are_valid():
    assert Recipe().training.epochs >= 1
