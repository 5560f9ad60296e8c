import type { LanguageModel, Thinking, ThinkRequest, Thought } from '#contracts/language-model.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import type { Connection, MemoryService } from './service.ts';

/** What a model makes of a request. */
export type Answer = {
  readonly text: string;
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[];
};

export type ModelParts = {
  readonly service: MemoryService;
  readonly serviceClock: Clock;
  readonly answer: (request: ThinkRequest) => Answer;
  /** From the request to its first token, and from one to the next. */
  readonly firstMs: () => number;
  readonly tokenMs: () => number;
  /** Told of each request as it comes in. */
  readonly onRequest?: (request: ThinkRequest) => void;
  /** Told how each request went on at the service. */
  readonly onOutcome?: (state: 'aborted' | 'done' | 'failed', tokens: number) => void;
  readonly models?: readonly string[];
  readonly options: RoleOptions;
};

type Message =
  | { readonly type: 'token'; readonly text: string }
  | { readonly type: 'call'; readonly name: string; readonly arguments: string }
  | { readonly type: 'end'; readonly tokens: number };

const ANSWER_WITHIN_MS = 12_000;

/** A language model in memory. */
export function openModel(parts: ModelParts): LanguageModel {
  const { service, options } = parts;
  const { apiKey, clock, model = 'memory' } = options;
  const failures = failureMaker(service.name, service.role, apiKey);
  const running = new Set<Thinking>();
  const isUnknown = parts.models !== undefined && !parts.models.includes(model);
  const unknown = () => failures.of('invalid', `${service.name} has no model ${model}`);
  let calls = 0;
  return {
    vendor: service.name,
    model,
    think(request, on) {
      parts.onRequest?.(request);
      let over = false;
      let tokens = 0;
      let work: { close(): void } | undefined;
      const end = (state: 'aborted' | 'done' | 'failed'): void => {
        over = true;
        cancelDeadline();
        work?.close();
        running.delete(thinking);
        parts.onOutcome?.(state, tokens);
      };
      const fail = (thought: Thought & { type: 'failed' }): void => {
        if (over) return;
        end('failed');
        on(thought);
      };
      const expect = (): Cancel =>
        clock.after(ANSWER_WITHIN_MS, () => {
          connection.close();
          fail({
            type: 'failed',
            failure: failures.of('timeout', `${service.name} does not answer`),
          });
        });
      let cancelDeadline: Cancel = expect();
      const connection: Connection<Message> = service.connect<Message>({
        apiKey,
        on(message) {
          if (over) return;
          cancelDeadline();
          cancelDeadline = expect();
          tokens += 1;
          if (message.type === 'token') return on({ type: 'delta', text: message.text });
          if (message.type === 'call')
            return on({
              type: 'tool-call',
              callId: `call-${service.name}-${++calls}`,
              name: message.name,
              arguments: message.arguments,
            });
          end('done');
          connection.close();
          on({ type: 'done', inputTokens: 100, outputTokens: message.tokens });
        },
        onOpen() {
          if (!isUnknown) work = answering(parts, request, connection);
          else {
            connection.close();
            fail({ type: 'failed', failure: unknown() });
          }
        },
        onFailed: (failure) => fail({ type: 'failed', failure }),
      });
      const thinking: Thinking = {
        abort() {
          if (over) return;
          end('aborted');
          connection.close();
        },
      };
      running.add(thinking);
      return thinking;
    },
    warm: () => undefined,
    check() {
      const failure = service.check(apiKey) ?? (isUnknown ? unknown() : undefined);
      return Promise.resolve(failure ? { ok: false, failure } : { ok: true });
    },
    close: () => running.forEach((thinking) => thinking.abort()),
  };
}

/** The service at work on one request. */
function answering(
  parts: ModelParts,
  request: ThinkRequest,
  connection: Connection<Message>,
): { close(): void } {
  const { serviceClock: clock, firstMs, tokenMs } = parts;
  const { text, toolCalls } = parts.answer(request);
  // A token is a word with the space before it, or half of a long one.
  const tokens = text.match(/\s*\S{1,6}/g) ?? [];
  const messages: Message[] = [
    ...tokens.map((token): Message => ({ type: 'token', text: token })),
    ...toolCalls.map((call): Message => ({ type: 'call', ...call })),
    { type: 'end', tokens: tokens.length },
  ];
  let cancel: Cancel = () => undefined;
  const next = (index: number, delayMs: number): void => {
    cancel = clock.after(delayMs, () => {
      const message = messages[index];
      if (!message) return;
      connection.send(message);
      if (connection.isAlive) next(index + 1, tokenMs());
    });
  };
  next(0, firstMs());
  return { close: () => cancel() };
}
