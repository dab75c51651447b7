// Builds what Python ships: `node build.mjs [static] [extension]`, both if none is named.
//
//   src/loader.ts, anywidget.ts, panel_widget.ts  ── esbuild ──►  pathos_nb/static/loader.js, run.js, panel.js
//   src/plugin.ts, src/mime.ts  ── tsc, Rspack ─────────►  pathos_nb/labextension/
//
// What comes out depends on the sources and the lock file only: no dates, no paths, no source maps.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGE = join(HERE, '..', 'pathos_nb');
const WIDGETS = { loader: 'loader.ts', run: 'anywidget.ts', panel: 'panel_widget.ts' };
const LIMIT_BYTES = 150_000;

function run(script, ...words) {
  execFileSync(process.execPath, [join(HERE, 'node_modules', ...script), ...words], { cwd: HERE, stdio: 'inherit' });
}

// Style sheets without what only who writes them needs, and with one letter for all our names' beginning, which
// `applyStyles` knows: their text was a seventh of what is shipped.
const STYLE = /(export const \w+ = `)([^`]*)(`)/g;
const WASTE = [[/\s*\n\s*/g, '\n'], [/([;{},>])\n/g, '$1'], [/([:,]) (?=[^\n]*[;}])/g, '$1'], [/ ?([{}]) ?/g, '$1'], [/; /g, ';'], [/;\}/g, '}'], [/pathos-nb-/g, '¬']];
const compact = (module) => module.replace(STYLE, (_, head, css, tail) => (
  head + WASTE.reduce((text, [waste, rest]) => text.replace(waste, rest), css).trim() + tail));

const compactStyles = {
  name: 'compact-styles',
  setup({ onLoad }) {
    onLoad({ filter: /style\.ts$/ }, ({ path }) => ({ contents: compact(readFileSync(path, 'utf8')), loader: 'ts' }));
  },
};

function compactBuiltStyles() {
  for (const name of readdirSync(join(HERE, 'lib'), { recursive: true }).filter((one) => one.endsWith('style.js'))) {
    const file = join(HERE, 'lib', name);
    writeFileSync(file, compact(readFileSync(file, 'utf8')));
  }
}

async function buildStatic() {
  for (const [name, source] of Object.entries(WIDGETS)) {
    const entry = join(HERE, 'src', source);
    if (!existsSync(entry)) continue;
    const outfile = join(PACKAGE, 'static', `${name}.js`);
    await build({
      entryPoints: [entry],
      absWorkingDir: HERE,
      bundle: true,
      minify: true,
      charset: 'utf8',
      format: 'esm',
      target: 'es2020',
      legalComments: 'none',
      plugins: [compactStyles],
      outfile,
      logLevel: 'warning',
    });
    const size = statSync(outfile).size;
    if (size > LIMIT_BYTES) throw new Error(`${name}.js has ${size} bytes; at most ${LIMIT_BYTES} may be shipped`);
    console.log(`static/${name}.js  ${size} bytes`);
  }
}

function buildExtension() {
  rmSync(join(HERE, 'lib'), { recursive: true, force: true });
  run(['typescript', 'bin', 'tsc'], '-p', 'tsconfig.build.json');
  compactBuiltStyles();
  const core = join('node_modules', '@jupyterlab', 'core-meta', 'core.package.json');
  run(['@jupyter', 'builder', 'lib', 'build-labextension.js'], '--core-package-file', core, HERE);
  stampVersion(join(PACKAGE, 'labextension', 'package.json'));
}

// The version is written in pathos_nb/__init__.py alone. JupyterLab lists its extensions with npm's form of it.
function stampVersion(file) {
  const text = readFileSync(join(PACKAGE, '__init__.py'), 'utf8');
  const said = /^__version__ = "(\d+\.\d+\.\d+)(?:\.?(a|b|rc|dev|post)(\d+))?"$/m.exec(text);
  if (said === null) throw new Error('pathos_nb/__init__.py says no version that can be read');
  const version = said[2] === undefined ? said[1] : `${said[1]}-${said[2]}.${said[3]}`;
  writeFileSync(file, `${JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), version }, null, 2)}\n`);
}

const wanted = process.argv.slice(2);
const isWanted = (what) => wanted.length === 0 || wanted.includes(what);
if (isWanted('static')) await buildStatic();
if (isWanted('extension')) buildExtension();
