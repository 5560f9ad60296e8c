import { describe, expect, test } from 'vitest';
import { businessHoursSchema, isOpenAt } from './business-hours.ts';

const week = businessHoursSchema.parse({
  timezone: 'Europe/Berlin',
  open: [
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '12:30' },
    { days: ['fri'], from: '20:00', to: '24:00' },
    { days: ['sat'], from: '00:00', to: '02:00' },
  ],
});
const at = (iso: string): boolean => isOpenAt(week, Date.parse(iso));

describe('business hours', () => {
  test('without any, calls are always taken', () => expect(isOpenAt(undefined, 0)).toBe(true));

  test('count in their own time zone, summer and winter', () => {
    expect(at('2026-11-20T08:00:00Z')).toBe(true);
    expect(at('2026-11-20T07:59:59Z')).toBe(false);
    expect(at('2026-07-17T07:00:00Z')).toBe(true);
  });

  test('begin with the first minute and end before the last', () => {
    expect(at('2026-11-18T11:29:59Z')).toBe(true);
    expect(at('2026-11-18T11:30:00Z')).toBe(false);
  });

  test('go past midnight as two stretches', () => {
    expect(at('2026-11-20T22:59:59Z')).toBe(true);
    expect(at('2026-11-20T23:00:00Z')).toBe(true);
    expect(at('2026-11-21T01:00:00Z')).toBe(false);
  });

  test('with no stretch at all are never', () => {
    expect(isOpenAt({ ...week, open: [] }, Date.parse('2026-11-20T09:00:00Z'))).toBe(false);
  });

  test.each([
    [{ timezone: 'Mars/Olympus', open: [] }],
    [{ timezone: 'UTC', open: [{ days: ['mon'], from: '12:00', to: '09:00' }] }],
    [{ timezone: 'UTC', open: [{ days: ['mon'], from: '9:00', to: '12:00' }] }],
    [{ timezone: 'UTC', open: [{ days: ['mon'], from: '09:00', to: '24:30' }] }],
    [{ timezone: 'UTC', open: [{ days: ['monday'], from: '09:00', to: '12:00' }] }],
    [{ timezone: 'UTC', open: [{ days: [], from: '09:00', to: '12:00' }] }],
  ])('%j are refused', (hours) => {
    expect(businessHoursSchema.safeParse(hours).success).toBe(false);
  });
});
