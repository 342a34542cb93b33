"""Deprecated alias: `python -m zoo.models` runs `python -m zoo.summarize`."""

import runpy

if __name__ == "__main__":
    runpy.run_module("zoo.summarize", run_name="__main__", alter_sys=True)
