"""One thread for one query."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import torch
from threadpoolctl import threadpool_info

from chiasm.search.threads import limit_process, one_thread


def blas_threads() -> list[int]:
    # Other packages may bring a library of their own later.
    return [pool["num_threads"] for pool in threadpool_info() if "numpy.libs" in pool["filepath"]]


def test_within_it_one_thread_and_after_it_as_before() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        blas = blas_threads()
        with one_thread():
            assert torch.get_num_threads() == 1 and set(blas_threads()) <= {1}
            with one_thread():
                pass
        assert torch.get_num_threads() == 2 and blas_threads() == blas
    finally:
        torch.set_num_threads(before)


def test_a_process_that_serves_is_limited_unless_told_otherwise() -> None:
    environment = {"OMP_NUM_THREADS": "3"}
    limit_process(environment)
    assert environment == {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    code = (
        "import numpy, threadpoolctl; from chiasm.search.threads import limit_process; limit_process();"
        "print({p['num_threads'] for p in threadpoolctl.threadpool_info()})"
    )
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], env=free, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{1}"
