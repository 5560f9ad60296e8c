import { eq } from 'drizzle-orm';
import { sha256 } from '#lib/crypto.ts';
import { VoiceError } from '#lib/errors.ts';
import type { Access } from './access.ts';
import { DatabaseError, FOREIGN_KEY_VIOLATION } from './database.ts';
import { mediaTokens } from './schema.ts';
import type { Store } from './store.ts';

export function mediaTokenQueries(access: Access): Store['mediaTokens'] {
  return {
    async issue(token, grant, expiresAt) {
      try {
        await access.asSystem((queries) =>
          queries.insert(mediaTokens).values({ tokenHash: sha256(token), ...grant, expiresAt }),
        );
      } catch (error) {
        if (error instanceof DatabaseError && error.code === FOREIGN_KEY_VIOLATION)
          throw new VoiceError('not_found', 'Instance not found', { cause: error });
        throw error;
      }
    },

    async consume(token, now) {
      // Of two that delete the same row at once, one waits for the other and then finds none.
      const [row] = await access.asSystem((queries) =>
        queries
          .delete(mediaTokens)
          .where(eq(mediaTokens.tokenHash, sha256(token)))
          .returning(),
      );
      if (!row || row.expiresAt.getTime() <= now.getTime()) return undefined;
      return { tenantId: row.tenantId, instanceId: row.instanceId, callId: row.callId };
    },
  };
}
