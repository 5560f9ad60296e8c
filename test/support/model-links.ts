import type { ThinkRequest, Thought } from '#contracts/language-model.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { ModelLink } from '#session/chains/chain-language-model.ts';

/** How a fake model behaves; it gives 50 pieces a second. */
export type ModelManners = {
  readonly name?: string;
  readonly firstMs?: number;
  /** Letters in a piece of its answer. */
  readonly pieceChars?: number;
  /** It ends with the failure, or falls silent, after so many pieces. */
  readonly dies?: { readonly afterPieces: number; readonly how: 'fails' | 'falls silent' };
  /** How it goes on with an answer that broke off: as it was asked to, with some of the words again, or from the start. */
  readonly goesOn?: 'exactly' | 'with an overlap' | 'from the start';
  /** It calls this tool after its text. */
  readonly tool?: string;
};

/** Models that all know the same answer. */
export function modelWorld(clock: VirtualClock, answer: string) {
  let working = 0;
  const link = (
    manners: ModelManners = {},
  ): ModelLink & { readonly asked: ThinkRequest[]; readonly failures: VendorFailure[] } => {
    const { name = 'fake', firstMs = 300, pieceChars = 4, goesOn = 'exactly' } = manners;
    const asked: ThinkRequest[] = [];
    const failures: VendorFailure[] = [];
    return {
      asked,
      failures,
      isOut: () => false,
      failed: (failure) => void failures.push(failure),
      vendor: {
        vendor: name,
        model: 'fake',
        think(request, on) {
          asked.push(request);
          const thoughts = thoughtsOf(request, answer, pieceChars, goesOn, manners.tool);
          let live = true;
          let pieces = 0;
          working++;
          const end = (): void => {
            if (live) working--;
            live = false;
          };
          const say = (thought: Thought | undefined): void => {
            if (!live || !thought) return;
            if (pieces++ === manners.dies?.afterPieces) {
              end();
              const failure = failureOf(name);
              if (manners.dies.how === 'fails') on({ type: 'failed', failure });
              return;
            }
            if (thought.type === 'done') end();
            on(thought);
            clock.after(20, () => say(thoughts.shift()));
          };
          clock.after(firstMs, () => say(thoughts.shift()));
          return { abort: end };
        },
        warm: () => undefined,
        check: () => Promise.resolve({ ok: true }),
        close: () => undefined,
      },
    };
  };
  return {
    link,
    /** How many are at work. */
    get working() {
      return working;
    },
  };
}

const failureOf = (vendor: string): VendorFailure => ({
  vendor,
  role: 'language-model',
  code: 'closed',
  message: `${vendor} failed`,
});

function thoughtsOf(
  request: ThinkRequest,
  answer: string,
  pieceChars: number,
  goesOn: NonNullable<ModelManners['goesOn']>,
  tool: string | undefined,
): Thought[] {
  const isGoingOn = request.context.at(-1)?.role === 'note';
  const before = request.context.at(-2);
  const given = isGoingOn && before?.role === 'agent' ? before.text : '';
  const from = {
    exactly: given.length,
    'with an overlap': given.split(' ').slice(0, -3).join(' ').length,
    'from the start': 0,
  }[goesOn];
  const text = answer.slice(from).trimStart();
  const thoughts: Thought[] = [];
  for (let at = 0; at < text.length; at += pieceChars)
    thoughts.push({ type: 'delta', text: text.slice(at, at + pieceChars) });
  if (tool !== undefined)
    thoughts.push({ type: 'tool-call', callId: 'call-1', name: tool, arguments: '{}' });
  return [...thoughts, { type: 'done', inputTokens: 10, outputTokens: 5 }];
}
