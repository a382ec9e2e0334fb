/**
 * What a switch left behind, whether a rebuild may replace rows that differ, and a record of administrative acts for where the
 * log's is not at hand; and the locks of inline appends, which the log has by now, are no longer everybody's.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"

/** The statements, in order. A `SchemaName` holds nothing that could end its quotes. */
export const statements = (name: SchemaName): ReadonlyArray<string> => [
  `ALTER TABLE "${name}".daybook__generations
    ADD COLUMN left_behind text[] NOT NULL DEFAULT '{}',
    ADD COLUMN accepted boolean NOT NULL DEFAULT false`,
  `CREATE TABLE "${name}".daybook__acts (
    act_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT daybook__acts_pkey PRIMARY KEY,
    acted_at timestamptz NOT NULL,
    act text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    login text COLLATE "C" NOT NULL,
    actor text,
    reason text,
    details json NOT NULL
  )`,
  `REVOKE ALL ON FUNCTION "${name}".daybook__keep FROM PUBLIC`
]
