"""The rules for the page of a run, in addition to those of all pages."""

STYLE = """
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: .5rem 1rem; }
.charts svg { display: block; width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; margin-top: .6rem; }
.key { display: inline-flex; align-items: center; gap: .4rem; }
.key i { width: 1.1rem; height: .25rem; border-radius: 1rem; flex: none; }
.key i.band { height: .8rem; border-radius: .15rem; background: linear-gradient(#1f77b466 50%, #ff7f0e66 50%); }
.matrix { width: auto; }
.matrix th, .matrix td { padding: .3rem .5rem; border: 0; vertical-align: middle; }
.matrix td { min-width: 2.6rem; text-align: right; white-space: nowrap; }
.matrix .tilted { vertical-align: bottom; }
.matrix .tilted span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 9rem; overflow: hidden;
  display: inline-block; }
.matrix th[scope="row"] { min-width: 5.5rem; max-width: 12rem; overflow-wrap: anywhere; font-weight: 400;
  color: var(--ink); }
.matrix .right { background: color-mix(in srgb, var(--good) calc(var(--share) * .55), transparent); }
.matrix .wrong { background: color-mix(in srgb, var(--bad) calc(var(--share) * .9), transparent); }
td:first-child { min-width: 8rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .75rem; padding: 0;
  margin: .5rem 0 1.25rem; list-style: none; }
.gallery li { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .6rem;
  font-size: .85rem; line-height: 1.35; }
.gallery img { display: block; width: 6rem; height: 6rem; object-fit: contain; image-rendering: pixelated;
  margin: 0 auto .4rem; background: var(--code); border-radius: .3rem; }
.gallery .missing { width: 6rem; height: 6rem; margin: 0 auto .4rem; background: var(--code); border-radius: .3rem;
  display: grid; place-items: center; color: var(--soft); }
.gallery p { margin: .1rem 0; }
.gallery p { overflow-wrap: anywhere; }
.gallery .name { color: var(--soft); font-size: .75rem; }
"""
