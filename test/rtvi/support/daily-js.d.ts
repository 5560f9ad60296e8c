/**
 * Stands for the types of `@daily-co/daily-js`, which Pipecat's transports name: those declare a
 * browser's globals for the whole program, and the server is checked without any.
 */
export type DailyCall = object;
export type DailyEventObjectAppMessage = object;
