"""The fusion model: recipes, the Transformer, its tasks and the runtime."""
