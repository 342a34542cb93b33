"""The list of networks under its earlier name, `python -m zoo.models`, which is `python -m zoo.summarize` now."""

import runpy

if __name__ == "__main__":
    runpy.run_module("zoo.summarize", run_name="__main__", alter_sys=True)
