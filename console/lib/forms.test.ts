import { describe, expect, test } from 'vitest';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { ChannelRow } from '#protocol/channels.ts';
import type { InstanceRow } from '#protocol/instances.ts';
import { agentFormOf, changeOf } from './agent-form.ts';
import { ApiError } from './api.ts';
import { formOf, setupOf } from './channel-form.ts';
import { fieldErrors } from './faults.ts';

const instance: InstanceRow = {
  id: 'i',
  name: 'Front desk',
  agent_config: agentConfigSchema.parse({
    voice: {
      llm: ['google', 'openai'],
      vendors: { openai: { llm_model: 'gpt-5-mini' } },
      keyterms: ['Luigi'],
    },
  }),
  created_at: '',
  updated_at: '',
};

describe('the form of an agent', () => {
  const form = agentFormOf(instance);

  test('that nobody has touched changes nothing', () => {
    expect(changeOf(form, instance).is).toBe('same');
  });

  test('leaves what it does not know', () => {
    const newer = { ...instance, agent_config: { ...instance.agent_config, mood: 'good' } };
    expect(changeOf(agentFormOf(newer), newer).is).toBe('same');
  });

  test('sends what was changed alone', () => {
    const change = changeOf(
      {
        ...form,
        greeting: 'Good day.',
        orders: { ...form.orders, stt: ' OpenAI , deepgram,', llm: '' },
        vendors: { openai: { llm_model: 'gpt-5-nano' } },
      },
      instance,
    );
    expect(change).toMatchObject({
      is: 'change',
      body: {
        agent_config: {
          greeting: 'Good day.',
          voice: {
            stt: ['openai', 'deepgram'],
            llm: null,
            vendors: { openai: { llm_model: 'gpt-5-nano' } },
          },
        },
      },
    });
    expect(change).not.toHaveProperty('body.name');
    expect(change).not.toHaveProperty('body.agent_config.tools');
  });

  test('gives back its default what was taken out of the JSON', () => {
    const change = changeOf({ ...form, json: { ...form.json, voice: '{}' } }, instance);
    expect(change).toMatchObject({ body: { agent_config: { voice: { keyterms: null } } } });
  });

  test.each([
    ['tools', '[', 'This is not JSON'],
    ['tools', '{}', 'This must be a list'],
    ['voice', '[]', 'This must be an object'],
  ] as const)('says of %s %s: %s', (name, text, sentence) => {
    const change = changeOf({ ...form, json: { ...form.json, [name]: text } }, instance);
    expect(change.is).toBe('unreadable');
    expect(change.unreadable[name]).toContain(sentence);
  });
});

describe('the form of a channel', () => {
  const channel: ChannelRow = {
    id: 'c',
    instance_id: 'i',
    channel_type: 'voice',
    provider: 'pipecat',
    external_identifier: '+14155550123',
    enabled: true,
    status: 'active',
    config: {
      agent_id: 'agent_1',
      phone_number: null,
      twilio_account_sid: 'AC1',
      twilio_phone_number: '+14155550123',
      secrets_set: ['twilio_auth_token'],
    },
    connection_id: null,
    error_message: null,
    last_event_at: null,
    created_at: '',
    updated_at: '',
  };

  test('sends what was changed, and leaves secrets that were not typed', () => {
    const form = formOf(channel);
    expect(setupOf(form, channel)).toEqual({ provider: 'pipecat' });
    expect(
      setupOf(
        {
          ...form,
          texts: { ...form.texts, twilio_account_sid: ' ', twilio_phone_number: '+14155550124' },
          secrets: { openai_api_key: 'k', twilio_auth_token: null, google_api_key: undefined },
        },
        channel,
      ),
    ).toEqual({
      provider: 'pipecat',
      twilio_account_sid: null,
      twilio_phone_number: '+14155550124',
      openai_api_key: 'k',
      twilio_auth_token: null,
    });
  });

  test('does not touch what only the other provider uses', () => {
    const form = formOf(channel);
    const texts = { ...form.texts, agent_id: 'agent_2' };
    expect(setupOf({ ...form, texts }, channel)).not.toHaveProperty('agent_id');
    expect(setupOf({ ...form, texts, provider: 'retell' }, channel)).toHaveProperty('agent_id');
  });

  test('moves the number that the channel is known by', () => {
    const named = { ...channel, config: { ...channel.config, phone_number: '+14155550123' } };
    const form = formOf(named);
    const texts = { ...form.texts, twilio_phone_number: '+14155550124' };
    expect(setupOf({ ...form, texts }, named)).toMatchObject({ phone_number: '+14155550124' });
  });
});

describe('the errors of a form', () => {
  const error = new ApiError(422, 'wrong', [
    { loc: ['body', 'name'], msg: 'Too long' },
    { loc: ['body', 'agent_config', 'tools', 0, 'url'], msg: 'Not a URL' },
    { loc: ['body', 'agent_config', 'voice', 'idle'], msg: 'Not an object' },
    { loc: ['body', 'else'], msg: 'Not known' },
  ]);
  const errors = fieldErrors(error, ['name', 'agent_config.tools', 'agent_config.voice']);

  test('stand at their fields, with the place within them', () => {
    expect(errors.of('name')).toEqual(['Too long']);
    expect(errors.of('agent_config.tools')).toEqual(['0.url: Not a URL']);
    expect(errors.of('agent_config.voice')).toEqual(['idle: Not an object']);
  });

  test('none is lost', () => {
    expect(errors.others).toEqual(['else: Not known']);
    expect(fieldErrors(new ApiError(500, 'Broken'), []).others).toEqual(['Broken']);
    expect(fieldErrors(null, []).others).toEqual([]);
  });
});
