// Builds what Python ships: `node build.mjs [static] [extension]`, both if none is named.
//
//   src/loader.ts, anywidget.ts, panel_widget.ts  ── esbuild ──►  pathos_nb/static/loader.js, run.js, panel.js
//   src/plugin.ts, src/mime.ts  ── tsc, Rspack ─────────►  pathos_nb/labextension/
//
// What comes out depends on the sources and the lock file only: no dates, no paths, no source maps.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, statSync } from 'node:fs';
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
      loader: { '.css': 'text' },
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
  const core = join('node_modules', '@jupyterlab', 'core-meta', 'core.package.json');
  run(['@jupyter', 'builder', 'lib', 'build-labextension.js'], '--core-package-file', core, HERE);
}

const wanted = process.argv.slice(2);
const isWanted = (what) => wanted.length === 0 || wanted.includes(what);
if (isWanted('static')) await buildStatic();
if (isWanted('extension')) buildExtension();
