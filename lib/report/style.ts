/** The report's look: light or dark as the reader's system, one column on a phone, light on paper. */
export const STYLE = `
:root { color-scheme: light dark; --page: #fff; --panel: #f5f7fa; --line: #d5dbe3; --ink: #1a2028; --muted: #5d6875;
  --first: #0b62b0; --second: #b4530a; --good: #2a7d5f; --bad: #bb2d3b; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #12161b; --panel: #1a2027; --line: #333c47; --ink: #e4e8ed;
  --muted: #9aa6b4; --first: #6db3f8; --second: #f2a65a; --good: #5cc49b; --bad: #ff8b8b; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0 auto; max-width: 68rem; padding: 2.5rem 1.5rem 4rem; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
h1 { margin: 0; font-size: 2rem; line-height: 1.2; letter-spacing: -.015em; overflow-wrap: anywhere; }
h2 { margin: 3rem 0 1rem; padding-top: 1.25rem; border-top: 1px solid var(--line); font-size: 1.35rem; line-height: 1.3; }
h3 { margin: 1.75rem 0 .75rem; font-size: 1.05rem; }
p { max-width: 46rem; margin: .75rem 0; }
a { color: var(--first); }
small, .note, caption, .interval, .baseline, .n { color: var(--muted); font-size: .875rem; }
header .note { margin: .25rem 0 1rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0; padding: 0; list-style: none; font-size: .9375rem; }
.absent { color: var(--muted); font-style: italic; }
.warning { max-width: none; margin-bottom: 1.25rem; padding: 1rem 1.25rem; border-radius: .625rem; background: var(--bad); color: var(--page); font-size: 1.25rem; font-weight: 600; }

.cards, .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1.25rem; }
.card, figure, .confusion { padding: 1.25rem; border: 1px solid var(--line); border-radius: .625rem; background: var(--panel); }
.card { border-top: 4px solid var(--tone); }
.card h3, .card .n { margin: 0; }
.card .verdict { margin-bottom: 0; }
.card dl { margin: 1rem 0; display: grid; gap: 1rem; }
.first { --tone: var(--first); } .second { --tone: var(--second); } .muted { --tone: var(--muted); }
.good { --tone: var(--good); } .bad { --tone: var(--bad); }
.measure dt { font-size: .875rem; font-weight: 600; }
.measure dd { margin: 0; font-variant-numeric: tabular-nums; }
.measure b { margin-right: .375rem; font-size: 1.75rem; line-height: 1.2; }
b .absent { font-size: 1.25rem; }
.scale { position: relative; display: block; height: .5rem; margin: .375rem 0 .25rem; border-radius: .25rem; background: var(--line); }
.scale i { position: absolute; top: 0; bottom: 0; }
.scale .range { border-radius: .25rem; background: var(--tone); opacity: .45; }
.scale .value { width: .25rem; margin: -.1875rem 0 -.1875rem -.125rem; border-radius: .125rem; background: var(--tone); }
.scale .base { width: 0; margin: -.1875rem 0; border-left: 2px dotted var(--ink); }

figure { margin: 0; min-width: 0; break-inside: avoid; }
figcaption { font-weight: 600; }
figure svg { display: block; width: 100%; max-width: 36rem; height: auto; margin-top: .5rem; overflow: visible; }
.note { margin-bottom: 0; }
h3 + .note { margin-bottom: .75rem; }
.key { white-space: nowrap; color: var(--ink); }
.key::before { content: ''; display: inline-block; width: .875em; height: .875em; margin-right: .375em; border-radius: .1875em; background: var(--tone); vertical-align: -.0625em; }

.scroll { overflow-x: auto; margin: 1.25rem 0; }
section > .scroll, details > .scroll { background: linear-gradient(to left, var(--page) 30%, transparent) right / 3rem 100% no-repeat local,
  linear-gradient(to left, var(--line), transparent) right / 1rem 100% no-repeat scroll; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; font-variant-numeric: tabular-nums; }
caption { padding-bottom: .5rem; text-align: left; font-weight: 600; color: var(--ink); }
th, td { padding: .4375rem .5rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; }
thead th { vertical-align: bottom; border-bottom-color: var(--muted); }
th[scope='row'], thead tr:first-child > :first-child { text-align: left; }
tbody th { font-weight: 400; }
td small { display: block; font-size: .8125rem; }
thead th[colspan] { text-align: center; }
.total { font-weight: 600; }
.list th { width: 40%; color: var(--muted); white-space: normal; overflow-wrap: anywhere; }
.list td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.confusion { margin-bottom: 1.25rem; }
.confusion .scroll { margin: 0; }
.confusion :is(th, td) { white-space: normal; }
.confusion thead th + th { text-align: center; }
.confusion td { width: 36%; text-align: center; background: color-mix(in srgb, var(--tone) calc(var(--share) * .4), transparent); }
.confusion td small { color: inherit; }
.confusion td b { font-size: 1.25rem; }
.confusion .right { --tone: var(--good); } .confusion .wrong { --tone: var(--bad); }
.paths { padding-left: 1.25rem; font-size: .875rem; }
.path { overflow-wrap: anywhere; user-select: all; font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace; font-size: .8125em; }
summary { cursor: pointer; margin: 1rem 0; color: var(--first); }

.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 9.5rem), 1fr)); gap: 1rem; margin: 0; padding: 0; list-style: none; }
.gallery figure { height: 100%; padding: 0; overflow: hidden; }
.gallery img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: #000; }
.gallery figcaption { padding: .625rem .75rem .75rem; font-weight: 400; font-size: .875rem; line-height: 1.4; }

@media screen and (max-width: 66rem) {
  .stack table { font-size: .875rem; }
  .stack :is(th, td) { padding-inline: .1875rem; }
  .stack :is(td small, thead th[rowspan]) { white-space: normal; }
}
@media screen and (max-width: 40rem) {
  body { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  .card, figure, .confusion { padding: .875rem; }
  .gallery { grid-template-columns: repeat(2, 1fr); gap: .75rem; }
  th, td { padding: .375rem .5rem; }
  .stack :is(table, caption, tbody, tfoot) { display: block; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack tr { display: grid; grid-template-columns: 1fr 1fr; gap: .375rem 1rem; padding: .75rem 0; border-bottom: 1px solid var(--line); }
  .stack :is(th, td) { display: block; padding: 0; border: 0; text-align: left; }
  .stack th[scope='row'] { grid-column: 1 / -1; font-weight: 600; }
  .stack td::before { content: attr(data-label); display: block; color: var(--muted); font-size: .8125rem; font-weight: 400; }
  .stack td small { display: inline; margin-left: .5rem; white-space: nowrap; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, details { display: none; }
  h2, h3 { break-after: avoid; }
  tr, .card, .gallery li, .confusion { break-inside: avoid; }
  .scroll { overflow: visible; }
  .cards, .figures { grid-template-columns: 1fr 1fr; gap: .75rem; }
  table { font-size: 7.5pt; }
  td small { font-size: .85em; }
  th, td { padding: .2rem .3rem; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
