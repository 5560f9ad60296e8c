import { sql } from 'drizzle-orm';
import { VoiceError } from '#lib/errors.ts';
import { queriesOn } from './access.ts';
import { DatabaseError, INSUFFICIENT_PRIVILEGE } from './database.ts';
import type { Connection } from './database.ts';

const ROLES = ['hydracore_app', 'hydracore_system'] as const;

/**
 * Makes the two roles that queries run as, if the cluster does not have them yet, and lets the user
 * that logged in become them. Works for a superuser, and for a user with CREATEROLE; for any other
 * one the roles have to be there and granted. Refuses roles that could get around row-level security.
 */
export async function ensureRoles(connection: Connection): Promise<void> {
  for (const role of ROLES) {
    await attempt(connection, createRole(role), `create the role ${role}`);
    const state = await roleState(connection, role);
    if (state.isUnsafe)
      throw new VoiceError(
        'unavailable',
        `The database role ${role} must be NOLOGIN, NOSUPERUSER and NOBYPASSRLS; alter it first.`,
      );
    if (!state.mayBecome) {
      await attempt(connection, grantRole(role, state.hasSetOption), `become the role ${role}`);
    }
  }
}

/** Roles belong to the whole cluster: another database's migration may make the same one meanwhile. */
const createRole = (role: string): string => `
  do $$ begin
    if not exists (select from pg_roles where rolname = '${role}') then
      create role ${role} nologin;
    end if;
  exception when duplicate_object or unique_violation then null;
  end $$`;

/**
 * From Postgres 16 on, whoever creates a role may grant it, also to itself, but may not become it
 * before that. Nothing is inherited: the rights are there only after `set role`.
 */
const grantRole = (role: string, hasSetOption: boolean): string =>
  `grant ${role} to current_user${hasSetOption ? ' with inherit false, set true' : ''}`;

type RoleState = {
  readonly isUnsafe: boolean;
  readonly mayBecome: boolean;
  /** Postgres 16 or later. */
  readonly hasSetOption: boolean;
};

async function roleState(connection: Connection, role: string): Promise<RoleState> {
  const [row] = await queriesOn(connection).execute<RoleState>(
    sql`select rolsuper or rolbypassrls or rolcanlogin as "isUnsafe",
            case when current_setting('server_version_num')::int >= 160000
                 then pg_has_role(current_user, oid, 'SET')
                 else pg_has_role(current_user, oid, 'MEMBER') end as "mayBecome",
            current_setting('server_version_num')::int >= 160000 as "hasSetOption"
       from pg_roles
      where rolname = ${role}`,
  );
  if (!row) throw new VoiceError('unavailable', `The database role ${role} is missing.`);
  return row;
}

async function attempt(connection: Connection, sql: string, what: string): Promise<void> {
  try {
    await connection.exec(sql);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new VoiceError(
      'unavailable',
      `The database user may not ${what}. Either give it CREATEROLE, or run as a superuser: ` +
        `create role hydracore_app nologin; create role hydracore_system nologin; ` +
        `grant hydracore_app, hydracore_system to <the user>.`,
      { cause: error },
    );
  }
}
