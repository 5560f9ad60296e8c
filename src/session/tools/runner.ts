import type { ToolDefinition } from '#contracts/language-model.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { parseStrictJson } from '#lib/json.ts';
import { compileSchema } from '#lib/json-schema.ts';
import type { Log } from '#lib/log.ts';
import { isRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { cutResult, result, ToolFault } from './tool.ts';
import type { Tool, ToolOutcome } from './tool.ts';

/** A call of a tool by the model; `arguments` is JSON text as it wrote it. */
export type ToolRun = {
  readonly replyId: number;
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
};

/** Inputs of the conversation. */
export type ToolAnswer =
  | {
      readonly type: 'tool-result';
      readonly replyId: number;
      readonly callId: string;
      readonly result: string;
    }
  | {
      readonly type: 'transferred';
      readonly replyId: number;
      readonly callId: string;
      readonly to: string;
    };

/** The tools of one call. */
export type ToolRunner = {
  /** As of now: servers that answer later bring more. */
  readonly definitions: readonly ToolDefinition[];
  /** Whether a tool goes on when the caller interrupts. */
  isLasting(name: string): boolean;
  /** Answers once, within the tool's time, unless it is stopped. Never throws. */
  run(call: ToolRun): void;
  /** Calls them off: nothing more is heard of them. */
  stop(replyId: number, callIds: readonly string[]): void;
  /** Resolves once no transfer is under way: what the line does until then may be its doing. */
  transferSettled(): Promise<void> | undefined;
  /** Calls off what may be called off. Nothing is answered after it. */
  close(): void;
};

/** A model that calls more at once has lost its way. */
const MAX_AT_ONCE = 16;
const MAX_ARGUMENT_CHARS = 32_768;
const MAX_ARGUMENT_DEPTH = 16;

export function createToolRunner(parts: {
  readonly tools: () => readonly Tool[];
  readonly clock: Clock;
  readonly log: Log;
  /** For the journal: names and sizes, nothing that was said. */
  readonly note: (text: string) => void;
  readonly on: (answer: ToolAnswer) => void;
  readonly onClose?: () => void;
}): ToolRunner {
  const { clock, log, note, on } = parts;
  type Running = {
    readonly call: ToolRun;
    readonly abort: AbortController;
    readonly tool: Tool;
    readonly done: Promise<void>;
  };
  const running = new Map<string, Running>();
  let isClosed = false;
  const keyOf = (replyId: number, callId: string): string => `${replyId} ${callId}`;
  const toolOf = (name: string): Tool | undefined =>
    parts.tools().find((tool) => tool.definition.name === name);

  const answer = ({ replyId, callId }: ToolRun, outcome: ToolOutcome): void => {
    if (isClosed) return;
    if (outcome.is === 'transferred')
      return on({ type: 'transferred', replyId, callId, to: outcome.to });
    on({ type: 'tool-result', replyId, callId, result: outcome.text });
  };

  const work = async (call: ToolRun, tool: Tool, abort: AbortController): Promise<void> => {
    const key = keyOf(call.replyId, call.callId);
    const startedMs = clock.now();
    const afterMs = (): string => `after ${Math.round(clock.now() - startedMs)} ms`;
    note(`tool ${call.name}: started, ${call.arguments.length} characters of arguments`);
    let outcome: ToolOutcome;
    try {
      const given = await argumentsOf(call.arguments, tool);
      outcome = clean(await withinTime(clock, tool, { given, callId: call.callId }, abort), tool);
      const size = outcome.is === 'result' ? `${outcome.text.length} characters` : 'handed over';
      note(`tool ${call.name}: ${size} ${afterMs()}`);
    } catch (error) {
      if (abort.signal.reason === STOPPED) return note(`tool ${call.name}: stopped ${afterMs()}`);
      outcome = failed(call, tool, error, afterMs());
    }
    // Not if it was stopped in the last moment.
    if (running.delete(key)) answer(call, outcome);
  };

  const failed = (call: ToolRun, tool: Tool, error: unknown, after: string): ToolOutcome => {
    if (!(error instanceof ToolFault))
      log.error(
        { tool: call.name, error: withoutSecrets(messageOf(error), tool) },
        'a tool failed',
      );
    const told = error instanceof ToolFault ? error.message : 'The tool failed.';
    note(`tool ${call.name}: failed ${after}: ${withoutSecrets(told, tool).slice(0, 300)}`);
    return clean(result(JSON.stringify({ error: told })), tool);
  };

  const refuse = (call: ToolRun, why: string): void => {
    note(`tool ${call.name}: refused: ${why}`);
    // Later, as every answer: who asks is still busy with the asking.
    queueMicrotask(() => answer(call, result(JSON.stringify({ error: why }))));
  };

  return {
    get definitions() {
      return parts.tools().map((tool) => tool.definition);
    },
    isLasting: (name) => toolOf(name)?.lasting ?? false,
    run(call) {
      if (isClosed) return;
      const tool = toolOf(call.name);
      if (!tool) return refuse(call, `There is no tool "${call.name}".`);
      if (running.size >= MAX_AT_ONCE) return refuse(call, 'Too many tools run at once.');
      const abort = new AbortController();
      const done = Promise.resolve().then(() => work(call, tool, abort));
      running.set(keyOf(call.replyId, call.callId), { call, abort, tool, done });
    },
    stop(replyId, callIds) {
      for (const callId of callIds) {
        const key = keyOf(replyId, callId);
        running.get(key)?.abort.abort(STOPPED);
        running.delete(key);
      }
    },
    transferSettled() {
      const transfer = [...running.values()].find(
        ({ tool }) => tool.definition.name === 'transfer_call',
      );
      return transfer?.done;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      const lasting = [...running.values()].filter(({ tool }) => tool.lasting);
      for (const { abort, tool } of running.values()) if (!tool.lasting) abort.abort(STOPPED);
      void Promise.allSettled(lasting.map(({ done }) => done)).then(() => parts.onClose?.());
    },
  };
}

/** What a call that nobody wants any more is aborted with. */
const STOPPED = Symbol('stopped');

/** The arguments, checked. Rejects with a fault that lets the model try again. */
async function argumentsOf(json: string, { definition }: Tool): Promise<JsonRecord> {
  if (json.length > MAX_ARGUMENT_CHARS) throw new ToolFault('The arguments are too long.');
  const parsed = parseStrictJson(json.trim() === '' ? '{}' : json, {
    maxDepth: MAX_ARGUMENT_DEPTH,
  });
  if (!parsed.ok || !isRecord(parsed.value))
    throw new ToolFault('The arguments are not a JSON object.');
  const schema = await compileSchema(definition.parameters);
  // A schema that cannot be read is its server's fault, and the server checks what it gets.
  const problem = schema.ok ? schema.check(parsed.value) : '';
  if (problem !== '') throw new ToolFault(`The arguments do not fit: ${problem}`.slice(0, 500));
  return parsed.value;
}

/** Rejects when the time is over, also if the tool does not care for its signal. */
async function withinTime(
  clock: Clock,
  tool: Tool,
  { given, callId }: { readonly given: JsonRecord; readonly callId: string },
  abort: AbortController,
): Promise<ToolOutcome> {
  let cancel: Cancel | undefined;
  const over = new Promise<never>((_, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason), { once: true });
    if (abort.signal.aborted) reject(abort.signal.reason);
    cancel = clock.after(tool.timeoutMs, () =>
      abort.abort(new ToolFault(`There was no result within ${tool.timeoutMs / 1_000} seconds.`)),
    );
  });
  try {
    return await Promise.race([tool.run(given, abort.signal, callId), over]);
  } catch (error) {
    // What a tool makes of its abort is not what happened.
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    cancel?.();
  }
}

/** A result that can be stored and shown: no secret in it, not too long, and text. */
function clean(outcome: ToolOutcome, tool: Tool): ToolOutcome {
  if (outcome.is !== 'result') return outcome;
  const text = outcome.text.toWellFormed().replaceAll('\0', '\uFFFD');
  return result(cutResult(withoutSecrets(text, tool)));
}

/** Shorter ones would cut ordinary words to pieces. */
const SHORTEST_SECRET_CHARS = 6;

const withoutSecrets = (text: string, { secrets }: Tool): string =>
  secrets.reduce(
    (clean, secret) =>
      secret.length < SHORTEST_SECRET_CHARS ? clean : clean.replaceAll(secret, '[hidden]'),
    text,
  );
