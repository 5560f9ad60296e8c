import { expect, test } from 'vitest';
import type { Store, WiringJob } from '#store/store.ts';
import { NOON_MS, addInstance, openWorld } from '#test/support/store-world.ts';
import type { OpenDatabase } from '#test/support/store-world.ts';

const at = (afterMs: number): Date => new Date(NOON_MS + afterMs);
const LEASE_MS = 60_000;

/** Claims the one job that is due. */
async function claimOne(store: Store, now: Date): Promise<WiringJob> {
  const [job, ...others] = await store.wiringJobs.claimDue(now, LEASE_MS, 9);
  if (!job || others.length > 0) throw new Error(`one job is due, not ${job ? 'several' : 'none'}`);
  return job;
}

export function wiringJobSuite(open: OpenDatabase): void {
  test('a job is due at its time, and then claimed by one only', async () => {
    const { store, another } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    const other = await another();
    await store.wiringJobs.enqueueApply('t', id, at(1_000));
    expect(await store.wiringJobs.claimDue(at(999), LEASE_MS, 9)).toEqual([]);
    const claimed = await Promise.all(
      [store, other, store, other].map((node) => node.wiringJobs.claimDue(at(1_000), LEASE_MS, 9)),
    );
    expect(claimed.flat()).toHaveLength(1);
    expect(claimed.flat()[0]).toMatchObject({
      tenantId: 't',
      instanceId: id,
      kind: 'apply',
      payload: {},
      attempts: 0,
    });
  });

  test('many nodes share many jobs out, each once', async () => {
    const { store, another } = await openWorld(open);
    await store.ensureTenant('t');
    const nodes = [store, await another(), await another()];
    for (let n = 0; n < 12; n++) {
      const { id } = await addInstance(store, 't');
      await store.wiringJobs.enqueueApply('t', id, at(-n));
    }
    const claimed: WiringJob[] = [];
    for (let round = 0; round < 2; round++)
      for (const jobs of await Promise.all(
        nodes.map((node) => node.wiringJobs.claimDue(at(0), LEASE_MS, 3)),
      ))
        claimed.push(...jobs);
    for (let more = await store.wiringJobs.claimDue(at(0), LEASE_MS, 9); more.length > 0;) {
      claimed.push(...more);
      more = await store.wiringJobs.claimDue(at(0), LEASE_MS, 9);
    }
    expect(new Set(claimed.map((job) => job.id)).size).toBe(12);
    expect(claimed).toHaveLength(12);
  });

  test("a crashed claimer's job comes back, and is not the crashed one's to finish any more", async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    await store.wiringJobs.enqueueApply('t', id, at(0));
    const first = await claimOne(store, at(0));
    expect(await store.wiringJobs.claimDue(at(LEASE_MS - 1), LEASE_MS, 9)).toEqual([]);
    const second = await claimOne(store, at(LEASE_MS));
    expect(second.id).toBe(first.id);

    await store.wiringJobs.finish(first);
    await store.wiringJobs.reschedule(first, at(0), 'late');
    expect(await store.wiringJobs.claimDue(at(LEASE_MS), LEASE_MS, 9)).toEqual([]);
    await store.wiringJobs.finish(second);
    expect(await store.wiringJobs.claimDue(at(LEASE_MS * 9), LEASE_MS, 9)).toEqual([]);
  });

  test('a job that is put off counts its attempts', async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    await store.wiringJobs.enqueueApply('t', id, at(0));
    for (const attempts of [0, 1, 2]) {
      const job = await claimOne(store, at(attempts * 10));
      expect(job.attempts).toBe(attempts);
      await store.wiringJobs.reschedule(job, at((attempts + 1) * 10), 'no answer \0');
      expect(await store.wiringJobs.claimDue(at(attempts * 10 + 9), LEASE_MS, 9)).toEqual([]);
    }
  });

  test('asking again moves the one job of an instance, also while it is being done', async () => {
    const { store } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    await store.wiringJobs.enqueueApply('t', id, at(500));
    await store.wiringJobs.enqueueApply('t', id, at(0));
    const job = await claimOne(store, at(0));

    await store.wiringJobs.enqueueApply('t', id, at(20));
    // Its holder works on what was stored before: finishing must not swallow the new request.
    await store.wiringJobs.finish(job);
    expect(await store.wiringJobs.claimDue(at(19), LEASE_MS, 9)).toEqual([]);
    const again = await claimOne(store, at(20));
    expect(again.id).toBe(job.id);

    await store.wiringJobs.enqueueApply('t', id, at(30));
    await store.wiringJobs.reschedule(again, at(9_999), 'no answer');
    const third = await claimOne(store, at(30));
    expect(third).toMatchObject({ id: job.id, attempts: 0 });
  });

  test('an undo carries its payload sealed, and outlives channel and instance', async () => {
    const { store, database } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    await store.channels.upsert('t', id, {});
    const first = { auth_token: 'canary', url: 'https://example.com', nested: [{ n: 1 }] };
    await store.wiringJobs.enqueueUndo('t', id, { second: 'canary' }, at(5));
    await store.channels.delete('t', id, first);
    await store.instances.delete('t', id);

    const stored = await database.transaction('set local role hydracore_system', (connection) =>
      connection.query(
        `select encode(sealed_payload, 'escape') from hydracore.wiring_jobs`,
        [],
        'arrays',
      ),
    );
    expect(stored).toHaveLength(2);
    expect(String(stored)).not.toContain('canary');
    const jobs = await store.wiringJobs.claimDue(at(5), LEASE_MS, 9);
    expect(jobs.map((job) => job.payload)).toEqual([first, { second: 'canary' }]);
    expect(jobs.every((job) => job.kind === 'undo' && job.instanceId === id)).toBe(true);
  });

  test('a job that does not open does not keep the others from being done', async () => {
    const { store, database } = await openWorld(open);
    const { id } = await addInstance(store, 't');
    await store.wiringJobs.enqueueUndo('t', id, { a: 1 }, at(0));
    await database.transaction(
      `set local role hydracore_app; set local hydracore.tenant_id = 't'`,
      (connection) => connection.exec(`update hydracore.wiring_jobs set sealed_payload = '\\x00'`),
    );
    await store.wiringJobs.enqueueUndo('t', id, { b: 2 }, at(0));
    const jobs = await store.wiringJobs.claimDue(at(0), LEASE_MS, 9);
    expect(jobs.map((job) => job.payload)).toEqual([{ b: 2 }]);
  });
}
