"""The style sheet of all pages: light or dark as the reader prefers, for narrow and wide windows."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #f6f7f9; --card: #ffffff; --line: #d8dde3; --soft: #57606a;
  --bad: #b42318; --good: #1a7f37; --open: #9a6700; --code: #eef1f4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --paper: #14171b; --card: #1d2126; --line: #363c44;
  --soft: #9aa4af; --bad: #ff8b7e; --good: #5fd07e; --open: #e3b341; --code: #2a3037; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; }
h3 { font-size: 1.05rem; margin: 0 0 .25rem; }
p { margin: .35rem 0; overflow-wrap: anywhere; }
header { border-left: .4rem solid var(--open); padding: .25rem 0 .25rem 1rem; }
header.bad { border-color: var(--bad); }
header.good { border-color: var(--good); }
.subject, .small { color: var(--soft); }
.subject { font-weight: 600; }
.small { font-size: .85rem; }
.badge { display: inline-block; font-size: .8rem; font-weight: 600; border: 1px solid currentColor; border-radius: 1rem;
  padding: 0 .6rem; color: var(--open); white-space: nowrap; }
.badge.bad { color: var(--bad); }
.badge.good { color: var(--good); }
.badge.none { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1rem; margin: .6rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--code); border-radius: .4rem; padding: .6rem .8rem; margin: .4rem 0; overflow-x: auto; }
code { font: .9rem ui-monospace, monospace; }
a { color: inherit; }
details { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .5rem 1rem;
  margin: 0 0 1rem; }
summary { cursor: pointer; font-weight: 600; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
td { min-width: 4.5rem; max-width: 34rem; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
figure { margin: 0 0 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .75rem; }
@media (max-width: 32rem) { dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin-bottom: .4rem; } }
"""
