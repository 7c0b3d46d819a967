import pytest

from chiasm_graph.errors import LinkRecipeError
from chiasm_graph.link_prediction import LinkConfig, link_recipe_names, load_link_recipe

DATA_SETS = {"codex-s", "db15k", "fb15k-237", "umls", "wn18rr"}


def test_every_recipe_loads_and_is_named_after_data_set_and_model():
    recipes = [load_link_recipe(name) for name in link_recipe_names()]
    assert {recipe.dataset for recipe in recipes} == DATA_SETS
    for recipe in recipes:
        encoder = recipe.config.encoder
        model = recipe.config.scorer if encoder == "none" else encoder
        assert recipe.name == f"{recipe.dataset}-{model}"
        assert recipe.description
        assert set(recipe.expected) <= {"mrr", "hits@1", "hits@3", "hits@10"}
        # Nobody asked for more of graph networks than to stand beside the rest.
        assert encoder != "none" or recipe.targets["mrr"] > 0


def test_a_data_set_stands_for_its_complex_recipe():
    assert load_link_recipe("umls") == load_link_recipe("umls-complex")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "a mapping"),
        ("dataset: umls\nrank: 3", "unknown key rank"),
        ("description: x", "dataset must"),
        ("dataset: umls\nconfig: {rank: 3}", "unknown key rank.*known keys are scorer, dim"),
        ("dataset: umls\nconfig: {dim: many}", "dim: must be int, not 'many'"),
        ("dataset: umls\nconfig: {dim: true}", "dim: must be int"),
        ("dataset: umls\nconfig: {scorer: hole}", "scorer must be one of complex"),
        ("dataset: umls\nconfig: {dim: 7}", "dim must be even"),
        ("dataset: umls\nconfig: {loss: hinge}", "loss must be one of"),
        ("dataset: umls\nconfig: {loss: self-adversarial}", "needs negatives"),
        ("dataset: umls\nconfig: {n3: -1}", "must not be negative"),
        ("dataset: umls\nconfig: {dropout: 1.0}", "must lie in"),
        ("dataset: umls\ntargets: {mrr: high}", "names to numbers"),
        ("a: [", "no valid YAML"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(LinkRecipeError, match=message):
        load_link_recipe(str(file))


def test_numbers_may_be_written_without_a_point(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("dataset: umls\nconfig: {scale: 1e-3, n3: 1}")
    assert load_link_recipe(str(file)).config == LinkConfig(scale=1e-3, n3=1.0)


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(LinkRecipeError, match="umls-complex"):
        load_link_recipe("nowhere")
