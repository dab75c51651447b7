// Builds what Python ships: `node build.mjs [static] [extension]`, both if none is named.
//
//   src/loader.ts, anywidget.ts, panel_widget.ts  ── esbuild ──►  pathos_nb/static/loader.js, run.js, panel.js
//   src/plugin.ts, src/mime.ts  ── esbuild, Rspack ──────►  pathos_nb/labextension/
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

const COMMON = {
  absWorkingDir: HERE,
  bundle: true,
  minify: true,
  charset: 'utf8',
  format: 'esm',
  target: 'es2020',
  legalComments: 'none',
  plugins: [compactStyles],
  logLevel: 'warning',
};

function checkSize(name, size) {
  if (size > LIMIT_BYTES) throw new Error(`${name} has ${size} bytes; at most ${LIMIT_BYTES} may be shipped`);
  console.log(`${name}  ${size} bytes`);
}

async function buildStatic() {
  for (const [name, source] of Object.entries(WIDGETS)) {
    const entry = join(HERE, 'src', source);
    if (!existsSync(entry)) continue;
    const outfile = join(PACKAGE, 'static', `${name}.js`);
    await build({ ...COMMON, entryPoints: [entry], outfile });
    checkSize(`static/${name}.js`, statSync(outfile).size);
  }
}

// What JupyterLab loads by two names is one module, so that no function is called by the name of the module it is in; the
// names are short. Rspack adds how it is loaded, and how JupyterLab's own packages are found.
async function buildExtension() {
  const lib = join(HERE, 'lib');
  rmSync(lib, { recursive: true, force: true });
  const entries = ['plugin', 'mime'];
  await build({
    ...COMMON,
    stdin: { contents: entries.map((name) => `export { default as ${name} } from './src/${name}';`).join('\n'), resolveDir: HERE },
    packages: 'external',
    outfile: join(lib, 'whole.js'),
  });
  for (const name of entries) writeFileSync(join(lib, `${name}.js`), `export { ${name} as default } from './whole.js';\n`);
  const core = join('node_modules', '@jupyterlab', 'core-meta', 'core.package.json');
  run(['@jupyter', 'builder', 'lib', 'build-labextension.js'], '--core-package-file', core, HERE);
  const shipped = join(PACKAGE, 'labextension', 'static');
  const size = readdirSync(shipped).reduce((sum, name) => sum + statSync(join(shipped, name)).size, 0);
  checkSize('labextension/static', size);
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
if (isWanted('extension')) await buildExtension();
