import { expect, test } from 'vitest';
import { microphoneProblems, openMicrophone } from './microphone.ts';

const failing = (name: string) => ({
  getUserMedia: () => Promise.reject(new DOMException('as browsers say it', name)),
});

test.each([
  ['NotAllowedError', 'refused'],
  ['NotFoundError', 'none'],
  ['NotReadableError', 'busy'],
  ['TypeError', 'unknown'],
] as const)('%s of a browser is a microphone that is %s', async (name, problem) => {
  expect(await openMicrophone(failing(name))).toBe(problem);
  expect(microphoneProblems[problem].title).toMatch(/microphone.*\.$/i);
});

test('a page without a secure context is told so', async () => {
  expect(await openMicrophone(undefined)).toBe('insecure');
  expect(microphoneProblems.insecure.remedy).toContain('https://');
});
