import { describe, expect, it } from 'vitest';
import { parseFluxQuery, parseNovaQuery } from './query.ts';

const mulaw = 'encoding=mulaw&sample_rate=8000';
const nova = (query: string) => parseNovaQuery(new URLSearchParams(query));
const flux = (query: string) => parseFluxQuery(new URLSearchParams(query));

describe('the query of /v1/listen', () => {
  it('is read with the defaults of the service', () => {
    expect(nova(`model=nova-3&${mulaw}`)).toEqual({
      ok: true,
      options: {
        model: 'nova-3',
        format: { encoding: 'mulaw', sampleRateHz: 8_000 },
        interimResults: false,
        endpointingMs: 10,
        utteranceEndMs: undefined,
        vadEvents: false,
        formatted: false,
      },
    });
  });

  it('can turn endpointing off', () => {
    expect(nova(`model=nova-3&${mulaw}&endpointing=false`)).toMatchObject({
      options: { endpointingMs: undefined },
    });
  });

  it.each([
    [`model=nova-9&${mulaw}`, 'No such model'],
    [`model=flux-general-en&${mulaw}`, 'No such model'],
    ['model=nova-3&encoding=pcm&sample_rate=8000', 'unknown variant `pcm`'],
    ['model=nova-3&encoding=mulaw', 'sample_rate is required'],
    ['model=nova-3&sample_rate=8000', 'requires encoding'],
    ['model=nova-3&encoding=mulaw&sample_rate=fast', 'sample_rate: invalid number'],
    [`model=nova-3&${mulaw}&interim_results=yes`, 'interim_results'],
    [`model=nova-3&${mulaw}&utterance_end_ms=1000`, 'requires interim_results'],
    [`model=nova-3&${mulaw}&interim_results=true&utterance_end_ms=500`, 'utterance_end_ms'],
    [`model=nova-3&${mulaw}&endpointing=soon`, 'endpointing'],
    [`model=nova-3&${mulaw}&keywords=a`, 'use keyterm'],
    [`model=nova-2&${mulaw}&keyterm=a`, 'only available for Nova-3'],
    [`model=nova-3&${mulaw}&eot_threshold=0.7`, 'unknown field `eot_threshold`'],
    [`model=nova-3&${mulaw}&language=English`, 'No such model/language'],
  ])('is refused: %s', (query, message) => {
    const result = nova(query);
    expect(result.ok).toBe(false);
    expect(result.ok ? '' : result.refusal.err_msg).toContain(message);
    expect(result.ok ? 0 : result.refusal.status).toBe(400);
  });
});

describe('the query of /v2/listen', () => {
  it('is read with the defaults of the service', () => {
    expect(flux(`model=flux-general-en&${mulaw}`)).toMatchObject({
      ok: true,
      options: {
        thresholds: { eot_threshold: 0.7, eager_eot_threshold: null, eot_timeout_ms: 5_000 },
      },
    });
  });

  it.each([
    [mulaw, 'missing field `model`'],
    [`model=nova-3&${mulaw}`, 'No such model'],
    [`model=flux-general-en&${mulaw}&eot_threshold=0.4`, 'eot_threshold must be between'],
    [`model=flux-general-en&${mulaw}&eot_threshold=1.1`, 'eot_threshold must be between'],
    [`model=flux-general-en&${mulaw}&eager_eot_threshold=0.2`, 'eager_eot_threshold must be'],
    [`model=flux-general-en&${mulaw}&eager_eot_threshold=0.8`, 'not be greater than'],
    [`model=flux-general-en&${mulaw}&eot_timeout_ms=400`, 'eot_timeout_ms must be between'],
    [`model=flux-general-en&${mulaw}&interim_results=true`, 'unknown field `interim_results`'],
    [`model=flux-general-en&${mulaw}&language_hint=de`, 'only valid for flux-general-multi'],
    [`model=flux-general-en&${mulaw}&redact=pci`, 'redact'],
    ['model=flux-general-en&encoding=flac&sample_rate=8000', 'unknown variant `flac`'],
  ])('is refused: %s', (query, message) => {
    const result = flux(query);
    expect(result.ok).toBe(false);
    expect(result.ok ? '' : result.refusal.err_msg).toContain(message);
  });
});
