import { describe, expect, test } from 'vitest';
import { readConfig } from './config.ts';

const complaint = (env: Record<string, string>): string => {
  try {
    readConfig(env, ['deepgram']);
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
};

describe('the configuration', () => {
  test('needs nothing', () => {
    const config = readConfig({}, ['deepgram']);
    expect(config).toMatchObject({ port: 8_080, host: '127.0.0.1', databaseUrl: undefined });
    expect(config.publicUrl).toBe('http://localhost:8080');
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('names every mistake in one message', () => {
    const text = complaint({
      PORT: 'eighty',
      LOG_LEVEL: 'loud',
      LOG_PII: 'maybe',
      PUBLIC_URL: 'ftp://somewhere',
      JWT_SECRET: 'short',
      MASTER_KEY: 'not-a-key',
      DEEPGRAM_URL: 'nowhere',
      DATABASE_URL: 'mysql://x',
      DRAIN_SECONDS: '-1',
      CORS_ORIGINS: 'https://example.com/shop',
    });
    for (const name of [
      'PORT',
      'LOG_LEVEL',
      'LOG_PII',
      'PUBLIC_URL',
      'JWT_SECRET',
      'MASTER_KEY',
      'DEEPGRAM_URL',
      'DATABASE_URL',
      'DRAIN_SECONDS',
      'CORS_ORIGINS',
    ])
      expect(text).toContain(`${name} must`);
  });

  test('repeats no secret in a complaint', () => {
    const text = complaint({
      JWT_SECRET: 'hunter2',
      MASTER_KEY: 'hunter2',
      DATABASE_URL: 'mysql://user:hunter2@host/db',
    });
    expect(text).not.toBe('');
    expect(text).not.toContain('hunter2');
  });

  test('wants a master key with Postgres, since its nodes share it', () => {
    expect(complaint({ DATABASE_URL: 'postgres://localhost/db' })).toContain('MASTER_KEY');
  });

  test('takes trailing slashes off URLs and an empty variable as absent', () => {
    const config = readConfig({ PUBLIC_URL: 'https://voice.example/', JWT_SECRET: '' }, []);
    expect(config.publicUrl).toBe('https://voice.example');
    expect(config.auth).toEqual({});
  });
});
