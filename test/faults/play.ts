import type { FaultCase } from './cases.ts';
import { startCall } from './call.ts';
import type { Chains, Trouble } from './call.ts';
import { judgeCall, longestGap } from './judge.ts';
import type { CallJudgement, Gap } from './judge.ts';
import { AGENT_TEXT, CALLER_TEXT } from './scenario.ts';
import type { FaultWorld } from './world.ts';

/** How one case went. */
export type CaseResult = {
  readonly case: FaultCase;
  readonly judgement: CallJudgement;
  readonly gap: Gap;
};

/** Calls that share the clock: waiting for loopback then costs once for all of them. */
const AT_ONCE = 8;

/**
 * Plays every case, and before it the same call without the fault. Where that one goes wrong nothing can
 * be told from the comparison, and the case counts as dropped.
 */
export async function playCases(
  world: FaultWorld,
  cases: readonly FaultCase[],
  onResult: (result: CaseResult) => void = () => undefined,
): Promise<readonly CaseResult[]> {
  const chains = new Map(cases.map((one) => [JSON.stringify(one.chains), one.chains]));
  const baselines = new Map<string, CallJudgement>();
  for (const batch of batches([...chains])) {
    const judged = await playBatch(
      world,
      batch.map(([, of]) => ({ chains: of })),
    );
    for (const [index, judgement] of judged.entries()) {
      const [key = ''] = batch[index] ?? [];
      baselines.set(key, judgement);
    }
  }

  const results: CaseResult[] = [];
  for (const batch of batches(cases)) {
    const judged = await playBatch(world, batch);
    for (const [index, judgement] of judged.entries()) {
      const one = batch[index];
      const baseline = baselines.get(JSON.stringify(one?.chains));
      if (!one || !baseline) throw new Error('a case without its comparison');
      const gap = longestGap(judgement, baseline, one.detectionMs);
      const result = {
        case: one,
        judgement: withBaseline(withEffect(judgement, one, gap), baseline),
        gap,
      };
      results.push(result);
      onResult(result);
    }
  }
  return results;
}

async function playBatch(
  world: FaultWorld,
  calls: readonly { readonly chains: Chains; readonly trouble?: Trouble }[],
): Promise<readonly CallJudgement[]> {
  const started = [];
  for (const { chains, trouble } of calls) started.push(await startCall(world, chains, trouble));
  const all = await world.during(Promise.all(started.map(({ evidence }) => evidence)));
  return all.map((evidence) =>
    judgeCall(evidence, { agentText: AGENT_TEXT, callerText: CALLER_TEXT }),
  );
}

/** A fault that nobody noticed may not have befallen anybody, and shows nothing then. */
function withEffect(
  judgement: CallJudgement,
  { kind }: FaultCase,
  { addedMs }: Gap,
): CallJudgement {
  const isNoticed =
    judgement.switchesMs.length > 0 ||
    // Messages are put in order, and a slow vendor may be waited for.
    kind === 'wrong order' ||
    (kind === 'slow first answer' && addedMs > 0);
  if (isNoticed || judgement.dropped !== undefined) return judgement;
  return { ...judgement, dropped: 'no vendor was replaced: the fault befell nobody' };
}

function withBaseline(judgement: CallJudgement, baseline: CallJudgement): CallJudgement {
  const { dropped, lost, repeated } = baseline;
  const wrong = [dropped ?? [], lost, repeated].flat();
  if (wrong.length === 0) return judgement;
  const because = `without the fault it goes wrong, too: ${wrong.join(', ')}`;
  return {
    ...judgement,
    dropped: [judgement.dropped ?? [], because].flat().join('; '),
  };
}

const batches = <Item>(items: readonly Item[]): readonly (readonly Item[])[] =>
  Array.from({ length: Math.ceil(items.length / AT_ONCE) }, (_, index) =>
    items.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );
