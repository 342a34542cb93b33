"""Pages: parts of HTML files that need no other file, no network and no script."""
