"""The rules for the page of a diagnosis, in addition to those of all pages."""

STYLE = """
.what, .id { color: var(--soft); }
.id { font: .8rem ui-monospace, monospace; }
article { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem;
  margin: 0 0 1rem; }
.confirmed .badge { color: var(--bad); }
.harmless .badge { color: var(--soft); }
.bar { height: .45rem; max-width: 20rem; background: var(--code); border-radius: 1rem; margin-top: .7rem;
  overflow: hidden; }
.bar span { display: block; height: 100%; background: var(--open); }
.confirmed .bar span { background: var(--bad); }
figure svg { display: block; width: 100%; min-width: 30rem; max-width: 50rem; height: auto; margin: 0 auto; }
@media (max-width: 32rem) { article { padding: .8rem; } }
"""
