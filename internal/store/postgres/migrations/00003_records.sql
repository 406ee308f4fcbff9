-- Records are state that isn't a stream. The books are double entry: entries never change,
-- no account but one that begins with ~ is below zero, an effect is posted once. Quotas
-- are token buckets.

-- +goose Up

-- expires: from then on a record is as if it weren't there; NULL: never.
CREATE TABLE isekai.records (
	org     text COLLATE "C" NOT NULL CHECK (org <> ''),
	kind    text COLLATE "C" NOT NULL,
	id      text COLLATE "C" NOT NULL,
	version bigint NOT NULL CHECK (version > 0),
	expires timestamptz,
	data    bytea  NOT NULL
) WITH (fillfactor = 80);
ALTER TABLE isekai.records ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX records_by_expiry ON isekai.records (expires) WHERE expires IS NOT NULL; -- of all orgs
ALTER TABLE isekai.records ADD PRIMARY KEY (org, kind, id);

-- seq: the highest that was given to an entry of the org. Who posts holds this row until
-- the commit, which puts an org's postings in the order of their commits.
CREATE TABLE isekai.books (
	org text COLLATE "C" NOT NULL PRIMARY KEY CHECK (org <> ''),
	seq bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE isekai.accounts (
	org     text COLLATE "C" NOT NULL CHECK (org <> ''),
	account text COLLATE "C" NOT NULL,
	balance bigint NOT NULL CHECK (balance >= 0 OR account LIKE '~%'),
	PRIMARY KEY (org, account)
) WITH (fillfactor = 50);

-- One line for each move. n: which move of its posting it is, from 0.
CREATE TABLE isekai.entries (
	org     text COLLATE "C" NOT NULL CHECK (org <> ''),
	seq     bigint      NOT NULL,
	effect  text COLLATE "C" NOT NULL,
	n       bigint      NOT NULL,
	kind    text        NOT NULL,
	project text        NOT NULL,
	task    text COLLATE "C" NOT NULL,
	note    text        NOT NULL,
	account text COLLATE "C" NOT NULL,
	amount  bigint      NOT NULL,
	balance bigint      NOT NULL,
	at      timestamptz NOT NULL,
	PRIMARY KEY (org, seq) -- here before the others, which are looked up more closely
);
CREATE INDEX entries_by_account ON isekai.entries (org, account, seq);
CREATE INDEX entries_by_task    ON isekai.entries (org, task, seq);
CREATE UNIQUE INDEX entries_once ON isekai.entries (org, effect, n);

-- Nobody changes an entry, the owner of the table neither, nor who restores.
CREATE FUNCTION isekai.refuse() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN RAISE EXCEPTION ''entries never change'' USING ERRCODE = ''insufficient_privilege''; END';
REVOKE ALL ON FUNCTION isekai.refuse() FROM PUBLIC;
CREATE TRIGGER never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON isekai.entries FOR EACH STATEMENT EXECUTE FUNCTION isekai.refuse();
ALTER TABLE isekai.entries ENABLE ALWAYS TRIGGER never_change;

-- full_at: when the bucket is full again, in nanoseconds since 1970. got: what the latest
-- draw got. It isn't logged: what a crash loses is full.
CREATE UNLOGGED TABLE isekai.quotas (
	org    text COLLATE "C" NOT NULL CHECK (org <> ''),
	bucket text COLLATE "C" NOT NULL,
	full_at bigint NOT NULL,
	got    bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX quotas_by_full ON isekai.quotas (org, full_at);
ALTER TABLE isekai.quotas ADD PRIMARY KEY (org, bucket);

-- +goose StatementBegin
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['records', 'books', 'accounts', 'entries', 'quotas'] LOOP
		EXECUTE pg_catalog.format('ALTER TABLE isekai.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
		EXECUTE pg_catalog.format($q$CREATE POLICY tenant ON isekai.%I TO isekai_app
			USING (org = pg_catalog.current_setting('isekai.org', true))
			WITH CHECK (org = pg_catalog.current_setting('isekai.org', true))$q$, t);
		EXECUTE pg_catalog.format('CREATE POLICY owner ON isekai.%I TO CURRENT_USER USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
-- +goose StatementEnd

GRANT SELECT, INSERT, UPDATE, DELETE ON isekai.records, isekai.quotas TO isekai_app;
GRANT SELECT, INSERT, UPDATE ON isekai.books, isekai.accounts TO isekai_app;
GRANT SELECT, INSERT ON isekai.entries TO isekai_app; -- an entry, once made, stays as it is

GRANT SELECT (org, kind, id, expires), DELETE ON isekai.records TO isekai_queue;
GRANT SELECT (org) ON isekai.books TO isekai_queue;
CREATE POLICY queue ON isekai.records TO isekai_queue USING (true);
CREATE POLICY queue ON isekai.books FOR SELECT TO isekai_queue USING (true);

-- tenants returns the orgs that have events, records, books or a share.
CREATE FUNCTION isekai.tenants() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
	'SELECT o.org FROM isekai.orgs o WHERE o.begun UNION SELECT r.org FROM isekai.records r UNION SELECT b.org FROM isekai.books b
	UNION SELECT s.org FROM isekai.shares s ORDER BY 1';

-- sweep removes up to most records that have expired. One that is written anew meanwhile
-- stays.
CREATE FUNCTION isekai.sweep(most bigint, now timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
	'WITH clock AS MATERIALIZED (SELECT coalesce(now, clock_timestamp()) AS at), gone AS (
		DELETE FROM isekai.records r USING clock WHERE (r.org, r.kind, r.id) IN (
			SELECT x.org, x.kind, x.id FROM isekai.records x WHERE x.expires <= (SELECT at FROM clock) ORDER BY x.expires LIMIT most)
		AND r.expires <= clock.at RETURNING 1)
	SELECT count(*) FROM gone';

REVOKE ALL ON FUNCTION isekai.tenants(), isekai.sweep(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION isekai.tenants(), isekai.sweep(bigint, timestamptz) TO isekai_app;
GRANT CREATE ON SCHEMA isekai TO isekai_queue;
ALTER FUNCTION isekai.tenants() OWNER TO isekai_queue;
ALTER FUNCTION isekai.sweep(bigint, timestamptz) OWNER TO isekai_queue;
REVOKE CREATE ON SCHEMA isekai FROM isekai_queue;

-- +goose Down
DROP FUNCTION isekai.sweep(bigint, timestamptz);
DROP FUNCTION isekai.tenants();
DROP TABLE isekai.quotas;
DROP TABLE isekai.entries;
DROP FUNCTION isekai.refuse();
DROP TABLE isekai.accounts;
DROP TABLE isekai.books;
DROP TABLE isekai.records;
