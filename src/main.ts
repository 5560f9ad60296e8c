import { realpathSync } from 'node:fs';
import { messageOf } from '#lib/errors.ts';
import { runCommand } from './commands.ts';

/** The program. `node src/main.ts serve`, and the operator's commands; `commands.ts` has them all. */
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  try {
    process.exitCode = await runCommand(process.argv.slice(2), process.env);
  } catch (error) {
    // One sentence for people; the stack is for us, and only on request.
    process.stderr.write(`${messageOf(error)}\n`);
    if (process.env['DEBUG'] && error instanceof Error)
      process.stderr.write(`${error.stack ?? ''}\n`);
    process.exit(1);
  }
}
