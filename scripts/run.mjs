// Runs a program of this project on the Node that the project pins, whatever the machine has.
// Installs first where that has not been done. Plain JavaScript, so that an old Node can read it.
//
//   node scripts/run.mjs src/main.ts serve
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 18;
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const node = join(root, 'node_modules', 'node', 'bin', 'node');

const stop = (sentence) => {
  process.stderr.write(sentence + '\n');
  process.exit(1);
};

/** Whether node_modules is what the lock file says; remembered in a file beside it. */
function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.installed');
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  process.stderr.write('Installing packages (once) …\n');
  const windows = process.platform === 'win32';
  // What npm prints goes to stderr: a program's own output may be read by another.
  const npm = spawnSync(windows ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: windows,
  });
  if (npm.error) stop('npm could not be run: ' + npm.error.message + '.');
  if (npm.status !== 0) stop('The packages could not be installed; npm says why above.');
  if (!existsSync(node))
    stop('The npm package "node" brought no Node for this machine (' + process.platform + '-' + process.arch + ').');
  try {
    writeFileSync(stamp, lock);
  } catch (error) {
    stop('The folder ' + join(root, 'node_modules') + ' cannot be written to: ' + error.message + '.');
  }
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE)
  stop(
    'Node ' + process.versions.node + ' is too old to install HydraCore Voice: ' + OLDEST_NODE +
      ' or newer is needed (the project then brings its own Node 24).',
  );
install();

const child = spawn(node, process.argv.slice(2), {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: join(root, 'node_modules', '.bin') + (process.platform === 'win32' ? ';' : ':') + process.env.PATH,
  },
});
// Ctrl-C reaches the child through the terminal; a signal sent to us alone has to be passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => stop('Node could not be started: ' + error.message + '.'));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
