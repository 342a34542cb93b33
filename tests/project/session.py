"""Executes the blocks of a document that come as JSON on standard input, see `code_blocks.py`."""

import json
import subprocess
import sys
import types


def main(blocks):
    module = types.ModuleType("document")  # of classes that the blocks define
    sys.modules["document"] = module
    sys.path.insert(0, "")
    for block in blocks:
        place = f"{block['document']}:{block['line']}"
        print(f"--- {place}", flush=True)
        if block["language"] == "python":
            exec(compile(block["text"], place, "exec"), module.__dict__)
        else:
            wanted = int(block["marker"].partition("exit ")[2] or 0)
            status = subprocess.run(["bash", "-e", "-c", block["text"]], stdin=subprocess.DEVNULL).returncode
            if status != wanted:
                sys.exit(f"{place}: exit status {status}, not {wanted}")


if __name__ == "__main__":
    main(json.load(sys.stdin))
