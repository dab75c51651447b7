/** JupyterLab's variables, with what a bare page has instead of them. */
export const STYLE = `
.pathos-nb-panel, .pathos-nb-panel-notice {
  --brand: var(--jp-brand-color1, #1976d2);
  --brand-ground: color-mix(in srgb, var(--brand) 80%, black);
  color: var(--jp-ui-font-color1, inherit);
  font: var(--jp-ui-font-size1, 13px)/1.4 var(--jp-ui-font-family, system-ui, sans-serif);
}
.pathos-nb-panel {
  --line: var(--jp-border-color2, color-mix(in srgb, currentColor 20%, transparent));
  --dim: color-mix(in srgb, var(--jp-ui-font-color0, currentColor) 64%, transparent);
  --soft: color-mix(in srgb, var(--jp-ui-font-color0, currentColor) 6%, transparent);
  --good: var(--jp-success-color1, #2e7d32);
  --bad: var(--jp-error-color1, #c62828);
  --warn: var(--jp-warn-color0, #b26a00);
  --ink: var(--jp-ui-font-color0, currentColor);
  --good-ink: color-mix(in srgb, var(--good) 70%, var(--ink));
  --bad-ink: color-mix(in srgb, var(--bad) 72%, var(--ink));
  --warn-ink: color-mix(in srgb, var(--warn) 66%, var(--ink));
  --brand-ink: color-mix(in srgb, var(--brand) 76%, var(--ink));
  box-sizing: border-box; direction: ltr; text-align: left; display: flex; flex-direction: column; height: 100%; min-width: 0; overflow: hidden;
  background: var(--jp-layout-color1, transparent);
}
.pathos-nb-panel *, .pathos-nb-panel *::before { box-sizing: border-box; }
.pathos-nb-panel [hidden] { display: none !important; }
.pathos-nb-panel-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 6px; padding: 8px 8px 6px; }
.pathos-nb-panel-title { margin: 0; font-size: 1em; font-weight: 600; flex: none; }
.pathos-nb-panel-busy-text { flex: 1 1 0; min-width: 0; color: var(--dim); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.pathos-nb-panel-sections { flex: 1 1 auto; overflow: auto; min-height: 0; }
.pathos-nb-panel-has-problem .pathos-nb-panel-sections, .pathos-nb-panel-has-problem .pathos-nb-panel-busy-text { display: none; }
.pathos-nb-panel-problem { margin: 8px 10px; padding: 8px; border-left: 3px solid var(--bad); background: var(--soft); overflow-wrap: anywhere; }
.pathos-nb-panel-section { border-top: 1px solid var(--line); }
.pathos-nb-panel-section > summary { display: flex; align-items: center; gap: 6px; padding: 5px 10px; cursor: pointer; user-select: none; list-style: none;
  position: sticky; top: 0; z-index: 1; background: var(--jp-layout-color1, transparent); backdrop-filter: blur(12px); }
.pathos-nb-panel-section > summary::-webkit-details-marker { display: none; }
.pathos-nb-panel-section > summary::before { content: '▸'; width: 1em; color: var(--dim); }
.pathos-nb-panel-section[open] > summary::before { content: '▾'; }
.pathos-nb-panel-section > summary:hover { background: var(--soft); }
.pathos-nb-panel-heading { margin: 0; font-size: 1em; font-weight: 600; }
.pathos-nb-panel-badge { color: var(--dim); font-variant-numeric: tabular-nums; }
.pathos-nb-panel-section-body { padding: 2px 8px 10px; }
.pathos-nb-panel-empty { color: var(--dim); padding: 4px 0; }
.pathos-nb-panel-card { padding: 6px 7px; margin: 6px 0; border: 1px solid var(--line); border-radius: 4px; min-width: 0; }
.pathos-nb-panel-card-head { display: flex; flex-wrap: wrap; gap: 0 8px; align-items: baseline; min-width: 0; }
.pathos-nb-panel-name { flex: 1 1 auto; font-weight: 600; min-width: 0; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.pathos-nb-panel-state { flex: none; max-width: 65%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--dim); }
.pathos-nb-panel-state::before { content: ''; display: inline-block; width: .6em; height: .6em; margin-right: .4em; border-radius: 50%; background: currentColor; }
.pathos-nb-panel-state-good { color: var(--good-ink); }
.pathos-nb-panel-state-bad { color: var(--bad-ink); }
.pathos-nb-panel-state-busy { color: var(--brand-ink); }
.pathos-nb-panel-line { overflow-wrap: anywhere; }
.pathos-nb-panel-where { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.pathos-nb-panel-dim { color: var(--dim); }
.pathos-nb-panel-bad { color: var(--bad-ink); }
.pathos-nb-panel-warn { color: var(--warn-ink); }
.pathos-nb-panel-trip { display: flex; align-items: center; gap: 6px; }
.pathos-nb-panel-spark { width: 64px; height: 16px; flex: none; }
.pathos-nb-panel-spark polyline { stroke: var(--brand); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.pathos-nb-panel-gauge { --fill: #4285d0; display: flex; height: 5px; margin: 5px 0 3px; border-radius: 3px; background: var(--soft); overflow: hidden; }
.pathos-nb-panel-fill { background: var(--fill); transition: width .2s; }
.pathos-nb-panel-gauge[data-bar=over] { --fill: var(--good); }
.pathos-nb-panel-gauge[data-bar=short] { --fill: var(--warn); }
.pathos-nb-panel-fill-bad { flex: none; background: repeating-linear-gradient(90deg, var(--bad) 0 4px, transparent 4px 5px); }
@media (forced-colors: active) { .pathos-nb-panel-gauge, .pathos-nb-panel-spark { forced-color-adjust: none; } }
.pathos-nb-panel-buttons { display: flex; flex-wrap: wrap; align-items: center; gap: 4px; margin-top: 6px; }
.pathos-nb-panel-buttons:not(:has(> :not([hidden]))) { display: none; }
.pathos-nb-panel-action { display: inline-flex; flex-wrap: wrap; gap: 4px; }
.pathos-nb-panel-sure { display: inline-flex; flex-wrap: wrap; gap: 4px; align-items: center; color: var(--bad-ink); }
.pathos-nb-panel .pathos-nb-panel-button, .pathos-nb-panel-notice .pathos-nb-panel-button { font: inherit; color: inherit; line-height: 1.5; padding: 1px 5px; border-radius: 3px; cursor: pointer;
  border: 1px solid var(--jp-border-color1, color-mix(in srgb, currentColor 35%, transparent)); background: transparent; max-width: 100%; }
.pathos-nb-panel .pathos-nb-panel-button:hover { background: var(--soft); }
.pathos-nb-panel .pathos-nb-panel-main, .pathos-nb-panel-notice .pathos-nb-panel-main { border-color: var(--brand-ground); background: var(--brand-ground); color: #fff; }
.pathos-nb-panel .pathos-nb-panel-main:hover { background: var(--jp-brand-color0, #1565c0); }
.pathos-nb-panel .pathos-nb-panel-danger { border-color: var(--bad); color: var(--bad-ink); }
.pathos-nb-panel :is(button, input, select, summary, pre):focus-visible { outline: 2px solid var(--brand); outline-offset: 1px; }
.pathos-nb-panel-button[aria-disabled] { opacity: .5; cursor: default; }
.pathos-nb-panel-busy { opacity: .75; cursor: progress !important; }
.pathos-nb-panel-busy::before { content: ''; display: inline-block; width: .7em; height: .7em; margin-right: .4em; vertical-align: -.05em;
  border: 2px solid currentColor; border-right-color: transparent; border-radius: 50%; animation: pathos-nb-turn 1s linear infinite; }
@keyframes pathos-nb-turn { to { transform: rotate(1turn); } }
@media (prefers-reduced-motion: reduce) { .pathos-nb-panel-busy::before { animation: none; } .pathos-nb-panel-fill { transition: none; } }
.pathos-nb-panel-adder > summary, .pathos-nb-panel-inner > summary, .pathos-nb-panel-note summary { cursor: pointer; color: var(--jp-content-link-color, var(--brand)); padding: 2px 0; }
.pathos-nb-panel-form { display: flex; flex-direction: column; gap: 6px; padding: 6px 8px; margin: 4px 0 8px; background: var(--soft); border-radius: 4px; }
.pathos-nb-panel-field { display: grid; grid-template-columns: 6.3em 1fr; gap: 6px; align-items: center; margin-top: 4px; }
.pathos-nb-panel .pathos-nb-panel-input { font: inherit; color: inherit; width: 100%; min-width: 0; padding: 2px 6px; border-radius: 2px;
  border: 1px solid var(--jp-border-color1, color-mix(in srgb, currentColor 35%, transparent)); background: var(--jp-input-background, var(--jp-layout-color0, transparent)); }
.pathos-nb-panel .pathos-nb-panel-input::placeholder { color: var(--jp-ui-font-color3, var(--dim)); }
.pathos-nb-panel .pathos-nb-panel-input[aria-invalid] { border-color: var(--bad); }
.pathos-nb-panel .pathos-nb-panel-size { width: 3.2em; padding: 1px 2px 1px 4px; }
.pathos-nb-panel-resizer { display: inline-flex; gap: 3px; align-items: center; max-width: 100%; }
.pathos-nb-panel-resizer label { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.pathos-nb-panel-find { margin: 2px 0; }
.pathos-nb-panel-head .pathos-nb-panel-action { flex: none; margin-left: auto; }
.pathos-nb-panel-head .pathos-nb-panel-action:has(.pathos-nb-panel-sure) { flex: 1 0 100%; }
.pathos-nb-panel-fieldset { border: 1px solid var(--line); border-radius: 3px; margin: 0; padding: 2px 8px 6px; min-width: 0; }
.pathos-nb-panel-places { max-height: 14em; overflow: auto; }
.pathos-nb-panel-check { display: flex; gap: 6px; align-items: baseline; overflow-wrap: anywhere; }
.pathos-nb-panel-check > label { flex: none; max-width: 60%; }
.pathos-nb-panel-off > label { color: var(--dim); }
.pathos-nb-panel-wrong { color: var(--bad-ink); }
.pathos-nb-panel-question { margin: 6px 10px; padding: 8px; border: 1px solid var(--brand); border-left-width: 4px; border-radius: 4px; display: flex; flex-direction: column; gap: 6px; }
.pathos-nb-panel-question-text { font-weight: 600; overflow-wrap: anywhere; white-space: pre-wrap; outline: none; }
.pathos-nb-panel-fingerprint { font-family: var(--jp-code-font-family, monospace); overflow-wrap: anywhere; user-select: all; background: var(--soft); padding: 4px; }
.pathos-nb-panel-notes { flex: none; max-height: 45%; overflow: auto; }
.pathos-nb-panel-note { display: flex; gap: 6px; align-items: flex-start; padding: 6px 10px; border-top: 1px solid var(--line); border-left: 3px solid var(--good); background: var(--soft); }
.pathos-nb-panel-note-bad { border-left-color: var(--bad); }
.pathos-nb-panel-note-text { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.pathos-nb-panel-note-what { font-weight: 600; }
.pathos-nb-panel-note-cure { color: var(--dim); }
.pathos-nb-panel-note pre { margin: 4px 0 0; max-height: 14em; overflow: auto; font: var(--jp-code-font-size, 12px)/1.35 var(--jp-code-font-family, monospace); white-space: pre; color: inherit; background: none; }
.pathos-nb-panel .pathos-nb-panel-note-close { border: none; padding: 0 4px; flex: none; }
.pathos-nb-panel-notice { padding: 12px 10px; display: flex; flex-direction: column; gap: 8px; align-items: flex-start; overflow-wrap: anywhere; }
.pathos-nb-panel-notice h2 { margin: 0; font-size: 1em; }
.pathos-nb-panel-notice p { margin: 0; }
.pathos-nb-run-tab { overflow: auto; padding: 8px; background: var(--jp-layout-color1, transparent); }
.pathos-nb-side { overflow: hidden; background: var(--jp-layout-color1, transparent); }
.pathos-nb-panel-link { height: 100%; min-height: 0; }
.pathos-nb-status-button { font: inherit; color: inherit; background: none; border: none; padding: 0 6px; height: 100%; cursor: pointer; font-variant-numeric: tabular-nums; }
`;
