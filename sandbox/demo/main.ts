import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pc from 'picocolors';
import { systemClock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { DEMO_USAGE, readDemoArgs } from './cast.ts';
import type { DemoArgs } from './cast.ts';
import { playRetellDemo } from './play-retell.ts';
import { playDemo } from './play.ts';
import { createShow } from './show.ts';
import type { Show } from './show.ts';
import { AGENT_NUMBER, openStage, PUBLIC_URL } from './stage.ts';
import type { Stage, StageOptions } from './stage.ts';

const DEFAULT_PORT = 8_080;

/**
 * `start`: the server with the sandbox beside it and one call, then the server stays up.
 * `demo`: the same call on a server of its own; exits 0 if it went as it should, 1 if not, 2 if it was
 * asked for in a wrong way.
 */
async function main(args: readonly string[]): Promise<number> {
  const [command, ...flags] = args;
  if (command === 'start' && flags.length === 0) return start();
  if (command !== 'demo') {
    const unknown = flags[0] === undefined ? 'Say start or demo' : `Unknown option ${flags[0]}`;
    process.stderr.write(`${unknown}. Usage: npm start, or ${DEMO_USAGE}\n`);
    return 2;
  }
  let asked;
  try {
    asked = readDemoArgs(flags);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\nUsage: ${DEMO_USAGE}\n`);
    return 2;
  }
  if (!asked.help) return demo(asked);
  process.stdout.write(`Usage: ${DEMO_USAGE}\n`);
  return 0;
}

async function demo({ json: isJson, provider, cast }: DemoArgs): Promise<number> {
  // With --json stdout belongs to the one object; a person may still follow on stderr.
  const out = isJson ? process.stderr : process.stdout;
  const show = createShow(out, out.isTTY && !isJson);
  const options = { clock: systemClock, port: 0, provider, cast, onLog: logTo(show) };
  const play = provider === 'retell' ? playRetellDemo : playDemo;
  const code = await onStage(options, async (stage) => {
    const result = await play(stage, systemClock, isJson ? () => undefined : show.event);
    if (isJson) process.stdout.write(`${JSON.stringify(result)}\n`);
    else show.summary(result);
    return result.ok ? 0 : 1;
  });
  return code ?? 130;
}

async function start(): Promise<number> {
  const show = createShow(process.stdout, process.stdout.isTTY);
  show.line(pc.bold('HydraCore Voice'));
  show.line(pc.dim('Starting the server and, beside it, a phone network and vendors of its own …'));
  const options = {
    clock: systemClock,
    port: portFrom(process.env['PORT']),
    dataDir: process.env['DATA_DIR'] ?? join(process.cwd(), '.hydracore', 'demo'),
    onLog: logTo(show),
  };
  const code = await onStage(options, async (stage) => {
    const { server, instanceId, apiKey, channel } = stage;
    show.line();
    const live = `${server.origin}/instances/${instanceId}/live`;
    show.line(`  console   ${pc.bold(live)}  (the call that begins; sign in with the key)`);
    show.line(`  server    ${server.origin}  (API: ${server.origin}/docs)`);
    show.line(`  public    ${PUBLIC_URL}  (only the sandbox's phone network knows it)`);
    show.line(`  API key   ${pc.bold(apiKey)}  (shown this once)`);
    show.line(`  agent     ${instanceId}, voice channel ${channel.status} on ${AGENT_NUMBER}`);
    show.line();
    const result = await playDemo(stage, systemClock, show.event);
    show.summary(result);
    show.line();
    show.line(pc.bold('The server stays up. Try'));
    const base = `${server.origin}/v1`;
    show.line(`  export KEY=${apiKey}`);
    for (const path of [
      `instances/${instanceId}/channels/voice`,
      `instances/${instanceId}/channels/voice/calls`,
      `calls/${result.call_id}`,
    ])
      show.line(`  curl -s -H "X-Api-Key: $KEY" ${base}/${path}`);
    if (process.stdin.isTTY) {
      show.line(pc.dim('Enter has the caller phone again; Ctrl-C ends it.'));
      await Promise.race([server.exited, phoneAtEnter(stage, show)]);
    } else show.line(pc.dim('Ctrl-C ends it.'));
    await server.exited;
    throw new Error('The server has ended by itself.');
  });
  return code ?? 0;
}

/** The same call again and again, one at a time, at each Enter. Resolves when stdin ends. */
async function phoneAtEnter(stage: Stage, show: Show): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  while (!(await lines.next()).done) {
    const result = await playDemo(stage, systemClock, show.event);
    show.summary(result);
    show.line();
    show.line(pc.dim('Enter has the caller phone again; Ctrl-C ends it.'));
  }
}

const logTo =
  (show: Show) =>
  (line: string): void =>
    show.line(pc.dim(line));

/**
 * Plays on a stage and takes it down again, whatever happens. Undefined: a Ctrl-C or SIGTERM ended it,
 * also while it was being set up or in the middle of a call; the server then says goodbye first.
 */
async function onStage(
  options: StageOptions,
  play: (stage: Stage) => Promise<number>,
): Promise<number | undefined> {
  const interrupted = untilSignal();
  const opening = openStage(options);
  const stage = await Promise.race([opening, interrupted]);
  if (!stage) {
    process.stderr.write('Stopping …\n');
    await opening.then((late) => late.close()).catch(() => undefined);
    return undefined;
  }
  try {
    const playing = play(stage);
    // Taken down in the middle, the play fails, and that is nobody's fault.
    playing.catch(() => undefined);
    return await Promise.race([playing, interrupted]);
  } finally {
    await stage.close();
  }
}

/** The same Ctrl-C comes again from npm and from whoever started us, at once: that is not a second one. */
const SECOND_SIGNAL_MS = 1_000;

/** Resolves on the first Ctrl-C or SIGTERM. A second one does not wait for goodbyes. */
const untilSignal = (): Promise<undefined> =>
  new Promise((resolve) => {
    let firstAtMs: number | undefined;
    const stop = (): void => {
      const nowMs = systemClock.now();
      firstAtMs ??= nowMs;
      if (nowMs - firstAtMs > SECOND_SIGNAL_MS) process.exit(130);
      resolve(undefined);
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });

function portFrom(text: string | undefined): number {
  if (text === undefined || text.trim() === '') return DEFAULT_PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`PORT must be a whole number from 0 to 65535, got "${text}".`);
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}
