// The look of a run: JupyterLab's variables where they are, colours of our own where they are not.

export const CSS = `
.pathos-nb-run {
  --pathos-nb-ground: var(--jp-layout-color0, #ffffff);
  --pathos-nb-idle: color-mix(in srgb, var(--pathos-nb-text) 6%, var(--pathos-nb-ground));
  --pathos-nb-busy: #4285d0;
  --pathos-nb-failed: var(--jp-error-color1, #d03b3b);
  --pathos-nb-good: var(--jp-success-color1, #2e8b57);
  --pathos-nb-warn: var(--jp-warn-color0, #b26a00);
  --pathos-nb-text: var(--jp-ui-font-color0, #202124);
  --pathos-nb-faint: var(--jp-ui-font-color2, #5f6368);
  --pathos-nb-rule: var(--jp-border-color2, #e0e1e4);
  --pathos-nb-hover: var(--jp-layout-color2, #eeeff2);
  --pathos-nb-accent: var(--jp-brand-color1, #1976d2);
  --pathos-nb-quiet: color-mix(in srgb, var(--pathos-nb-text) 64%, var(--pathos-nb-ground));
  --pathos-nb-good-ink: color-mix(in srgb, var(--pathos-nb-good) 70%, var(--pathos-nb-text));
  --pathos-nb-failed-ink: color-mix(in srgb, var(--pathos-nb-failed) 76%, var(--pathos-nb-text));
  --pathos-nb-warn-ink: color-mix(in srgb, var(--pathos-nb-warn) 66%, var(--pathos-nb-text));
  --pathos-nb-accent-ink: color-mix(in srgb, var(--pathos-nb-accent) 76%, var(--pathos-nb-text));
  --pathos-nb-code: var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace);
  ${ansi()}
  box-sizing: border-box;
  direction: ltr;
  text-align: left;
  position: relative;
  max-width: 1280px;
  padding: 6px 10px 8px;
  border: 1px solid var(--pathos-nb-rule);
  border-radius: 6px;
  background: var(--pathos-nb-ground);
  color: var(--pathos-nb-text);
  font: 12px/1.5 var(--jp-ui-font-family, system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif);
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
}
@media (prefers-color-scheme: dark) {
  :root:not(:has([data-jp-theme-light])) .pathos-nb-run {
    --pathos-nb-ground: var(--jp-layout-color0, #1b1c1f);
    --pathos-nb-text: var(--jp-ui-font-color0, #e6e7ea);
    --pathos-nb-faint: var(--jp-ui-font-color2, #a0a4ab);
    --pathos-nb-rule: var(--jp-border-color2, #3a3c41);
    --pathos-nb-hover: var(--jp-layout-color2, #2b2d31);
  }
}
.pathos-nb-run *, .pathos-nb-run *::before { box-sizing: border-box; }
.pathos-nb-run [hidden] { display: none !important; }
.pathos-nb-head { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; min-height: 24px; }
.pathos-nb-title { font-weight: 600; min-width: 0; flex: 0 1 auto; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.pathos-nb-state { padding: 0 7px; border-radius: 9px; font-size: 11px; line-height: 18px; white-space: nowrap;
  color: var(--pathos-nb-quiet); background: var(--pathos-nb-idle); }
.pathos-nb-state[data-state=running] { color: var(--pathos-nb-accent-ink); }
.pathos-nb-state[data-state=done] { color: var(--pathos-nb-good-ink); }
.pathos-nb-state[data-state=failed] { color: var(--pathos-nb-failed-ink); }
.pathos-nb-state[data-state=cancelled] { color: var(--pathos-nb-warn-ink); }
.pathos-nb-actions { display: flex; flex-wrap: wrap; gap: 4px; margin-left: auto; }
.pathos-nb-group { display: inline-flex; gap: 2px; }
.pathos-nb-button { font: inherit; line-height: 20px; padding: 0 8px; border: 1px solid var(--pathos-nb-rule); border-radius: 4px;
  background: transparent; color: inherit; cursor: pointer; white-space: nowrap; }
.pathos-nb-button:hover:enabled { background: var(--pathos-nb-hover); }
.pathos-nb-button:disabled { opacity: 0.55; cursor: default; }
.pathos-nb-group .pathos-nb-button, .pathos-nb-small { border-color: transparent; color: var(--pathos-nb-quiet); padding: 0 6px; }
.pathos-nb-cancel { color: var(--pathos-nb-failed-ink); border-color: currentColor; }
.pathos-nb-retry { color: var(--pathos-nb-accent-ink); border-color: currentColor; }
.pathos-nb-run :focus-visible { outline: 2px solid var(--pathos-nb-accent); outline-offset: 1px; }
.pathos-nb-bar { display: flex; height: 6px; margin: 4px 0 5px; border-radius: 3px; overflow: hidden; background: var(--pathos-nb-idle); }
.pathos-nb-good { background: var(--pathos-nb-busy); }
.pathos-nb-bar[data-bar=over] .pathos-nb-good { background: var(--pathos-nb-good); }
.pathos-nb-bar[data-bar=short] .pathos-nb-good { background: var(--pathos-nb-warn); }
.pathos-nb-bar .pathos-nb-bad { flex: none; margin-left: 1px;
  background: repeating-linear-gradient(90deg, var(--pathos-nb-failed) 0 4px, var(--pathos-nb-ground) 4px 5px); }
@media (forced-colors: active) { .pathos-nb-bar, .pathos-nb-key, .pathos-nb-canvas { forced-color-adjust: none; } }
.pathos-nb-endless .pathos-nb-good { width: 30% !important; animation: pathos-nb-to-and-fro 2.4s ease-in-out infinite alternate; }
@keyframes pathos-nb-to-and-fro { from { margin-left: 0; } to { margin-left: 70%; } }
@media (prefers-reduced-motion: reduce) { .pathos-nb-endless .pathos-nb-good { animation: none; } }
.pathos-nb-figures { display: flex; flex-wrap: wrap; gap: 0 16px; }
.pathos-nb-figure { color: var(--pathos-nb-quiet); white-space: nowrap; }
.pathos-nb-figure b { color: var(--pathos-nb-text); font-weight: 600; }
.pathos-nb-figure.pathos-nb-failed b, .pathos-nb-run .pathos-nb-bad:not(div) { color: var(--pathos-nb-failed-ink); }
.pathos-nb-waits, .pathos-nb-notice { margin: 4px 0; padding: 3px 8px; border-left: 3px solid var(--pathos-nb-warn);
  background: var(--pathos-nb-idle); }
.pathos-nb-heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.pathos-nb-lanes { position: relative; margin: 6px 0 2px; }
.pathos-nb-scroller { position: relative; overflow: hidden auto; cursor: crosshair; touch-action: pan-y; overscroll-behavior: contain; }
.pathos-nb-canvas { position: sticky; top: 0; display: block; }
.pathos-nb-zoom { position: absolute; right: 0; top: -24px; display: flex; opacity: 0; transition: opacity 0.15s; }
.pathos-nb-lanes:hover .pathos-nb-zoom, .pathos-nb-lanes:focus-within .pathos-nb-zoom { opacity: 1; }
.pathos-nb-zoom .pathos-nb-button { background: var(--pathos-nb-ground); }
.pathos-nb-tip { position: absolute; z-index: 10; max-width: 300px; padding: 4px 8px; border: 1px solid var(--pathos-nb-rule);
  border-radius: 4px; background: var(--pathos-nb-ground); box-shadow: 0 2px 8px rgba(0, 0, 0, 0.25); pointer-events: none;
  color: var(--pathos-nb-quiet); }
.pathos-nb-tip-title { color: var(--pathos-nb-text); font-weight: 600; }
.pathos-nb-tip-title.pathos-nb-bad { color: var(--pathos-nb-failed-ink); }
.pathos-nb-run summary { cursor: pointer; padding: 1px 0; }
.pathos-nb-run details > summary { list-style: none; }
.pathos-nb-run details > summary::-webkit-details-marker { display: none; }
.pathos-nb-run details > summary::before { content: "▸"; display: inline-block; width: 13px; color: var(--pathos-nb-quiet); }
.pathos-nb-run details[open] > summary::before { content: "▾"; }
.pathos-nb-workers-table > summary, .pathos-nb-profile > summary { display: flex; flex-wrap: wrap; align-items: baseline; color: var(--pathos-nb-quiet); }
.pathos-nb-inner-maps > summary { color: var(--pathos-nb-quiet); }
.pathos-nb-legend { display: inline-flex; flex-wrap: wrap; gap: 0 12px; margin-left: auto; padding-left: 13px; font-size: 11px; }
.pathos-nb-key { display: inline-block; width: 9px; height: 9px; margin-right: 4px; border-radius: 2px; font-style: normal;
  line-height: 9px; background: var(--pathos-nb-busy); }
.pathos-nb-key.pathos-nb-failed { background: linear-gradient(var(--pathos-nb-failed) 0 4px, var(--pathos-nb-ground) 4px 5px, var(--pathos-nb-failed) 5px); }
.pathos-nb-key.pathos-nb-guess { background: repeating-linear-gradient(135deg, var(--pathos-nb-busy) 0 1.5px, transparent 1.5px 3.5px); opacity: 0.6; }
.pathos-nb-key.pathos-nb-gone { background: none; color: var(--pathos-nb-failed-ink); }
.pathos-nb-tools { display: flex; gap: 8px; align-items: center; margin: 2px 0 2px 13px; }
.pathos-nb-search { font: inherit; width: 200px; max-width: 60%; padding: 1px 6px; border: 1px solid var(--pathos-nb-rule);
  border-radius: 4px; background: transparent; color: inherit; }
.pathos-nb-list { max-height: 320px; overflow: auto; margin-left: 13px; }
.pathos-nb-row { border-top: 1px solid var(--pathos-nb-idle); padding: 1px 0; }
div.pathos-nb-row { padding-left: 13px; }
.pathos-nb-point { font-weight: 600; }
.pathos-nb-code, .pathos-nb-text { font-family: var(--pathos-nb-code); font-size: 11.5px; }
.pathos-nb-text { margin: 2px 0 4px 13px; padding: 4px 8px; max-height: 320px; overflow: auto; white-space: pre-wrap;
  background: var(--pathos-nb-idle); color: inherit; border-radius: 4px; line-height: 1.4; }
.pathos-nb-flame { position: relative; margin: 3px 0 3px 13px; overflow: hidden; }
.pathos-nb-box { position: absolute; height: 17px; text-indent: 3px; overflow: hidden; white-space: nowrap; cursor: pointer; border-radius: 2px;
  font-size: 10.5px; line-height: 17px; color: #1c1c1c; background: #c8ccd2; border-right: 1px solid var(--pathos-nb-ground); }
.pathos-nb-box:hover { filter: brightness(1.12); }
.pathos-nb-box[data-kind="0"], .pathos-nb-key.pathos-nb-kind-0 { background: #e8a33d; }
.pathos-nb-box[data-kind="1"], .pathos-nb-key.pathos-nb-kind-1 { background: #5b9be0; }
.pathos-nb-box[data-kind="2"], .pathos-nb-key.pathos-nb-kind-2 { background: #9aa0aa; }
.pathos-nb-box[data-kind="3"], .pathos-nb-key.pathos-nb-kind-3 { background: #c27fd4; }
.pathos-nb-box[data-kind="4"], .pathos-nb-key.pathos-nb-kind-4 { background: #e07a6f; }
.pathos-nb-profile > details { margin-left: 13px; }
.pathos-nb-faint { color: var(--pathos-nb-quiet); }
.pathos-nb-table { border-collapse: collapse; font-size: 11.5px; }
.pathos-nb-table th, .pathos-nb-table td { padding: 1px 14px 1px 0; text-align: left; font-weight: normal; vertical-align: top; }
.pathos-nb-table thead th { color: var(--pathos-nb-quiet); position: sticky; top: 0; background: var(--pathos-nb-ground); }
.pathos-nb-table .pathos-nb-number { text-align: right; }
.pathos-nb-table .pathos-nb-gone { color: var(--pathos-nb-failed-ink); }
`;

/** The terminal's colours, as JupyterLab has them for outputs. */
function ansi(): string {
  const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
  const plain = ['#6d7280', '#d0463b', '#2e9157', '#b7791f', '#3f83d1', '#b05cc6', '#1f95a5', '#9aa0aa'];
  return names.map((name, i) => `--pathos-nb-ansi-${name}: var(--jp-ansi-${name}, ${plain[i] ?? '#888'}); `
    + `--pathos-nb-ansi-${name}-intense: var(--jp-ansi-${name}-intense, ${plain[i] ?? '#888'});`).join('\n  ');
}
