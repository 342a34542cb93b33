"""Programs that measure other implementations and write the references that checks compare with."""
