import type { Clock } from '#lib/clock.ts';
import type { Store } from '#store/store.ts';

/** What befalls one request to the database. */
export type StoreFault =
  | { readonly kind: 'error' }
  | { readonly kind: 'stall'; readonly stallMs: number }
  | { readonly kind: 'lost-answer' }
  /** Whoever asks is dead: nothing is done, and nobody is told. */
  | { readonly kind: 'dead' };

/**
 * A store that takes its time and goes wrong as it is told. `hold` keeps time from moving while the
 * store below it works.
 */
export function troubledStore(
  store: Store,
  parts: {
    readonly clock: Clock;
    readonly hold: <T>(work: Promise<T>) => Promise<T>;
    /** Asked for each request, as `calls.record`. */
    readonly faultOf: (request: string) => StoreFault | undefined;
    /** From the question to the answer, where nothing goes wrong. */
    readonly latencyMs: () => number;
  },
): Store {
  const { clock, hold } = parts;
  const ask = async (request: string, work: () => Promise<unknown>): Promise<unknown> => {
    const fault = parts.faultOf(request);
    if (fault?.kind === 'dead') return new Promise(() => undefined);
    await clock.sleep(parts.latencyMs() + (fault?.kind === 'stall' ? fault.stallMs : 0));
    if (fault?.kind === 'error') throw new Error('the database does not answer');
    const answer = await hold(work());
    if (fault?.kind === 'lost-answer') throw new Error('the connection to the database was lost');
    return answer;
  };
  const troubled = <Group extends object>(name: string, group: Group): Group =>
    new Proxy(group, {
      get(target, method) {
        const work: unknown = Reflect.get(target, method);
        if (typeof work !== 'function') return work;
        return (...given: unknown[]) =>
          ask(`${name}.${String(method)}`, async () => Reflect.apply(work, target, given));
      },
    });
  return {
    ...store,
    instances: troubled('instances', store.instances),
    channels: troubled('channels', store.channels),
    calls: troubled('calls', store.calls),
    mediaTokens: troubled('mediaTokens', store.mediaTokens),
    nodes: troubled('nodes', store.nodes),
  };
}
