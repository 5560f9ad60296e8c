/** For `expect.poll`: looks often, and gives up only when a machine under load would long be done. */
export const patiently = { interval: 5, timeout: 20_000 } as const;
