"""What importing PyG leaves out, and that it is there when asked for."""

import subprocess
import sys

LEAN = """
import sys
import chiasm_graph.convs
assert "torch_geometric.nn" in sys.modules
for name in ("pandas", "torch._dynamo", "torch_geometric.datasets", "torch_geometric.llm"):
    assert name not in sys.modules, name
"""
LATER = """
import warnings
warnings.simplefilter("ignore")
import chiasm_graph.convs
import torch
import torch_geometric.loader
from torch_geometric.datasets import Planetoid
from torch_geometric.isinstance import is_torch_instance
assert Planetoid.__module__ == "torch_geometric.datasets.planetoid"
assert is_torch_instance(torch.compile(torch.nn.Linear(1, 1)), torch.nn.Linear)
"""


def run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_message_passing_does_not_use_is_not_imported():
    run(LEAN)


def test_what_was_left_out_works_when_it_is_wanted():
    run(LATER)
