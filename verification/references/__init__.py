"""Programs that measure other implementations and write the reference numbers of the checks."""
