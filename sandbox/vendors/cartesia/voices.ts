import type { voices } from '../../speech/speech.ts';

export type CartesiaVoice = {
  readonly id: string;
  readonly name: string;
  readonly gender: 'masculine' | 'feminine';
  /** Who speaks for it in the sandbox. */
  readonly bankVoice: (typeof voices)[number];
};

/** Public voices of Cartesia by their real ids, as examples and agents name them; four people of the sandbox speak for them. */
export const cartesiaVoices: readonly CartesiaVoice[] = [
  voice('f786b574-daa5-4673-aa0c-cbe3e8534c02', 'Katie', 'feminine', 'slt'),
  voice('6ccbfb76-1fc6-48f7-b71d-91ac6298247b', 'Tessa', 'feminine', 'slt'),
  voice('694f9389-aac1-45b6-b726-9d9369183238', 'Sarah', 'feminine', 'slt'),
  voice('71a7ad14-091c-4e8e-a314-022ece01c121', 'British Reading Lady', 'feminine', 'slt'),
  voice('228fca29-3a0a-435c-8728-5cb483251068', 'Kiefer', 'masculine', 'rms'),
  voice('a0e99841-438c-4a64-b679-ae501e7d6091', 'Barbershop Man', 'masculine', 'awb'),
  voice('c961b81c-a935-4c17-bfb3-ba2239de8c2f', 'Kyle', 'masculine', 'kal'),
];

function voice(
  id: string,
  name: string,
  gender: CartesiaVoice['gender'],
  bankVoice: CartesiaVoice['bankVoice'],
): CartesiaVoice {
  return { id, name, gender, bankVoice };
}

export const findVoice = (id: string): CartesiaVoice | undefined =>
  cartesiaVoices.find((one) => one.id === id);

/** A voice as `GET /voices` shows it. */
export const voiceObject = ({ id, name, gender }: CartesiaVoice): object => ({
  id,
  name,
  description: `${name}, played by the sandbox`,
  gender,
  language: 'en',
  access: 'public',
  is_owner: false,
  created_at: '2026-01-01T00:00:00Z',
});
