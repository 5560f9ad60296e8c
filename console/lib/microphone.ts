/** Why there is no microphone to speak into. */
export type MicrophoneProblem = 'refused' | 'none' | 'busy' | 'insecure' | 'unknown';

export const microphoneProblems: Readonly<
  Record<MicrophoneProblem, { readonly title: string; readonly remedy: string }>
> = {
  refused: {
    title: 'The microphone was refused.',
    remedy: 'Allow it in the settings of this page, beside its address, and try again.',
  },
  none: {
    title: 'There is no microphone.',
    remedy: 'Plug one in, or choose one in the settings of this machine, and try again.',
  },
  busy: {
    title: 'The microphone does not answer.',
    remedy: 'Another program may hold it. Close that and try again.',
  },
  insecure: {
    title: 'The browser gives no microphone to this address.',
    remedy: 'It gives one to pages under https:// and on localhost.',
  },
  unknown: { title: 'The microphone could not be opened.', remedy: 'Try again.' },
};

const BY_ERROR: Readonly<Record<string, MicrophoneProblem>> = {
  NotAllowedError: 'refused',
  SecurityError: 'refused',
  NotFoundError: 'none',
  OverconstrainedError: 'none',
  NotReadableError: 'busy',
  AbortError: 'busy',
};

/** Asks for the microphone; its person may take as long as they like. */
export async function openMicrophone(
  devices: Pick<MediaDevices, 'getUserMedia'> | undefined,
): Promise<MediaStream | MicrophoneProblem> {
  // Without a secure context there are no devices at all.
  if (!devices) return 'insecure';
  try {
    return await devices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    return (error instanceof Error && BY_ERROR[error.name]) || 'unknown';
  }
}
