"""Other people's vector stores doing the same work as ours, one file each, in an environment of their own.

`benchmarks.search` starts each as `python -m benchmarks.peers NAME CORPUS STORE` with the interpreter of
`.venv-peers` and speaks to it in lines of JSON. Nothing here may import Chiasm.
"""
