// Runs a program of this project on the Node that the project pins, whatever the machine has, and
// installs the packages first where they are not what package-lock.json says.
//
//   node scripts/run.cjs src/main.ts serve
//
// CommonJS and old syntax, so that a Node that is too old can read as far as the sentence saying so.
'use strict';

const childProcess = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const OLDEST_NODE = 18;
const isWindows = process.platform === 'win32';
const root = path.join(__dirname, '..');
const modules = path.join(root, 'node_modules');
const node = path.join(modules, 'node', 'bin', isWindows ? 'node.exe' : 'node');

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE)
  stop(
    'Node ' +
      process.versions.node +
      ' is too old to install HydraCore Voice: it takes Node ' +
      OLDEST_NODE +
      ' or newer, and then brings the Node 24 it runs on.',
  );
if (!isInstalled()) install();
run(process.argv.slice(2));

/**
 * Whether node_modules holds what package-lock.json asks for. npm writes the list that this reads
 * as the last thing of an install, so one that was cut short has none. Packages for other machines
 * are optional and may be missing.
 */
function isInstalled() {
  const wanted = packagesIn(path.join(root, 'package-lock.json'));
  const there = packagesIn(path.join(modules, '.package-lock.json'));
  if (!wanted) stop('package-lock.json is missing or damaged: get the project again.');
  if (!there || !fs.existsSync(node)) return false;
  return Object.keys(wanted).every(function (place) {
    if (place === '') return true;
    if (!there[place]) return wanted[place].optional === true || wanted[place].devOptional === true;
    return there[place].version === wanted[place].version;
  });
}

function packagesIn(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function install() {
  // Two at once would delete each other's files.
  const lock = path.join(root, '.installing');
  claim(lock);
  process.on('exit', function () {
    fs.rmSync(lock, { force: true });
  });
  process.stderr.write('Installing packages (once, a minute or two) …\n');
  const npm = childProcess.spawnSync(
    isWindows ? 'npm.cmd' : 'npm',
    ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      // What npm prints goes to stderr: a program's own output may be read by another program.
      stdio: ['ignore', 2, 2],
      shell: isWindows,
      // Its default is to fetch the files for graphics cards, which nothing here uses.
      env: Object.assign({}, process.env, { ONNXRUNTIME_NODE_INSTALL: 'skip' }),
    },
  );
  if (npm.error && npm.error.code === 'ENOENT')
    stop('npm was not found: install it, or a Node that has it, and try again.');
  if (npm.error) stop('npm could not be run: ' + npm.error.message + '.');
  if (npm.signal) stop('The installation was cut short; the next start does it again.');
  if (npm.status !== 0)
    stop('The packages could not be installed; npm says why above. The next start tries again.');
  if (!fs.existsSync(node))
    stop(
      'The npm package "node" brought no Node for this machine (' +
        process.platform +
        '-' +
        process.arch +
        '): either there is none, or npm was told not to run install scripts.',
    );
  fs.rmSync(lock, { force: true });
}

/** Writes our process id into the lock file; stops if another process that lives has written its own. */
function claim(lock) {
  try {
    fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (error.code !== 'EEXIST')
      stop(
        'The folder ' +
          root +
          ' cannot be written to (' +
          error.code +
          '): packages are installed there.',
      );
    const owner = Number(fs.readFileSync(lock, 'utf8'));
    if (owner > 0 && isAlive(owner))
      stop('Process ' + owner + ' is installing the packages; try again when it is done.');
    fs.writeFileSync(lock, String(process.pid));
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function run(args) {
  const child = childProcess.spawn(node, args, {
    cwd: root,
    stdio: 'inherit',
    env: Object.assign({}, process.env, {
      PATH: path.join(modules, '.bin') + path.delimiter + process.env.PATH,
    }),
  });
  // Ctrl-C reaches the child through the terminal; a signal sent to us alone has to be passed on.
  ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal);
    });
  });
  // npm tells only its shell, which ends without a word to us.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event !== undefined)
    setInterval(function () {
      if (process.ppid === parent) return;
      clearInterval(this);
      child.kill('SIGTERM');
    }, 250).unref();
  child.on('error', function (error) {
    stop('Node could not be started: ' + error.message + '.');
  });
  child.on('exit', function (code, signal) {
    process.exit(signal ? 128 + os.constants.signals[signal] : code);
  });
}

function stop(sentence) {
  process.stderr.write(sentence + '\n');
  process.exit(1);
}
