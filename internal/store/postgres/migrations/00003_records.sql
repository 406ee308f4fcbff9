-- Records are state that isn't a stream. The books are double entry: entries never change,
-- no account but one that begins with ~ is below zero, an effect is posted once. Quotas
-- are token buckets; shares weigh orgs in the queue.

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

CREATE TABLE isekai.shares (
	org   text COLLATE "C" NOT NULL PRIMARY KEY CHECK (org <> ''),
	share bigint NOT NULL CHECK (share > 0)
);

-- given: how many streams the org was given in its turn of the round.
ALTER TABLE isekai.turns ADD COLUMN given bigint NOT NULL DEFAULT 0;

-- +goose StatementBegin
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['records', 'books', 'accounts', 'entries', 'quotas', 'shares'] LOOP
		EXECUTE pg_catalog.format('ALTER TABLE isekai.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
		EXECUTE pg_catalog.format($q$CREATE POLICY tenant ON isekai.%I TO isekai_app
			USING (org = pg_catalog.current_setting('isekai.org', true))
			WITH CHECK (org = pg_catalog.current_setting('isekai.org', true))$q$, t);
		EXECUTE pg_catalog.format('CREATE POLICY owner ON isekai.%I TO CURRENT_USER USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
-- +goose StatementEnd

GRANT SELECT, INSERT, UPDATE, DELETE ON isekai.records, isekai.quotas TO isekai_app;
GRANT SELECT, INSERT, UPDATE ON isekai.books, isekai.accounts, isekai.shares TO isekai_app;
GRANT SELECT, INSERT ON isekai.entries TO isekai_app; -- an entry, once made, stays as it is

GRANT SELECT (org, kind, id, expires), DELETE ON isekai.records TO isekai_queue;
GRANT SELECT (org) ON isekai.books TO isekai_queue;
GRANT SELECT ON isekai.shares TO isekai_queue;
GRANT UPDATE (given) ON isekai.turns TO isekai_queue;
CREATE POLICY queue ON isekai.records TO isekai_queue USING (true);
CREATE POLICY queue ON isekai.books FOR SELECT TO isekai_queue USING (true);
CREATE POLICY queue ON isekai.shares FOR SELECT TO isekai_queue USING (true);

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

-- claim leases up to n streams until ttl microseconds after now (NULL: the clock's). The
-- org whose turn ended longest ago comes first, and of that the oldest due; its turn lasts
-- until it was given its share. It never waits. An org whose turn another claim holds at
-- this moment comes after the others; then its work is shared, and the other claim moves
-- it in the round.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION isekai.claim(by_worker text, n integer, ttl bigint, now timestamptz)
RETURNS TABLE (of_org text, of_project text, of_stream text, fence bigint, expires timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	turn   record;
	item   record;
	mine   text[];         -- orgs whose turn this claim holds, in their order
	shares integer[];      -- of mine
	had    integer[];      -- what mine were given in their turns
	others text[];         -- orgs whose turn another one holds
	dry    text[] := '{}'; -- orgs that have nothing any more that could be had
	orgs   text[];         -- mine or others
	round  integer[];      -- places in orgs of those that may still have work
	more   integer[];      -- those of the next round
	moved  boolean;        -- the order isn't what was read any more
	given  integer := 0;
	turns  boolean;        -- this claim moves its orgs in the round
	i      integer;
	part   integer;        -- how many leases an org gets: as many as its turn has left, unless it is the only one
	got    integer;
BEGIN
	now := coalesce(now, pg_catalog.clock_timestamp());
	expires := now + ttl * interval '1 microsecond';
	WHILE given < n LOOP
		mine := '{}';
		shares := '{}';
		had := '{}';
		FOR fresh IN REVERSE 10 .. 0 LOOP -- how often to look again when others were faster
			others := '{}';
			moved := false;
			FOR turn IN SELECT t.org, t.served, coalesce((SELECT s.share FROM isekai.shares s WHERE s.org = t.org), 1) AS share
				FROM isekai.turns t WHERE t.busy ORDER BY t.served, t.org
			LOOP
				EXIT WHEN pg_catalog.cardinality(mine) = n - given;
				CONTINUE WHEN turn.org = ANY (mine || dry);
				CONTINUE WHEN NOT EXISTS (SELECT FROM isekai.work w WHERE w.org = turn.org AND w.due <= now);
				SELECT t.given INTO got FROM isekai.turns t WHERE t.org = turn.org AND t.served = turn.served FOR UPDATE SKIP LOCKED;
				IF FOUND THEN
					mine := mine || turn.org;
					shares := shares || turn.share::integer;
					had := had || least(got, turn.share::integer - 1);
					CONTINUE;
				END IF;
				others := others || turn.org;
				moved := NOT EXISTS (SELECT FROM isekai.turns t WHERE t.org = turn.org AND t.served = turn.served);
				EXIT WHEN moved AND fresh > 0;
			END LOOP;
			EXIT WHEN NOT moved;
		END LOOP;
		turns := pg_catalog.cardinality(mine) > 0;
		orgs := CASE WHEN turns THEN mine ELSE others END;
		round := ARRAY(SELECT pg_catalog.generate_series(1, pg_catalog.cardinality(orgs)));
		WHILE given < n AND pg_catalog.cardinality(round) > 0 LOOP
			more := '{}';
			FOREACH i IN ARRAY round LOOP
				EXIT WHEN given = n;
				of_org := orgs[i];
				part := CASE WHEN pg_catalog.cardinality(round) = 1 THEN n - given
					WHEN turns THEN least(n - given, shares[i] - had[i]) ELSE 1 END;
				got := 0;
				FOR item IN SELECT w.project, w.stream FROM isekai.work w
					WHERE w.org = of_org AND w.due <= now ORDER BY w.due, w.stream LIMIT part FOR UPDATE SKIP LOCKED
				LOOP
					of_project := item.project;
					of_stream := item.stream;
					fence := pg_catalog.nextval('isekai.claims');
					UPDATE isekai.work w SET token = fence, worker = by_worker, due = expires
						WHERE w.org = of_org AND w.stream = of_stream;
					RETURN NEXT;
					got := got + 1;
				END LOOP;
				given := given + got;
				IF got > 0 AND turns THEN
					had[i] := had[i] + got;
					UPDATE isekai.turns t SET given = had[i] % shares[i], served = CASE WHEN had[i] < shares[i] THEN t.served ELSE fence END
						WHERE t.org = of_org;
					had[i] := had[i] % shares[i];
				END IF;
				IF got = part THEN
					more := more || i;
				ELSE
					dry := dry || of_org;
				END IF;
			END LOOP;
			round := more;
		END LOOP;
		EXIT WHEN NOT turns; -- nothing was left for those who take turns
	END LOOP;
END $$;
-- +goose StatementEnd
REVOKE CREATE ON SCHEMA isekai FROM isekai_queue;

-- +goose Down
DROP FUNCTION isekai.sweep(bigint, timestamptz);
DROP FUNCTION isekai.tenants();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION isekai.claim(by_worker text, n integer, ttl bigint, now timestamptz)
RETURNS TABLE (of_org text, of_project text, of_stream text, fence bigint, expires timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	turn   record;
	item   record;
	mine   text[];         -- orgs whose turn this claim holds, in their order
	others text[];         -- orgs whose turn another one holds
	dry    text[] := '{}'; -- orgs that have nothing any more that could be had
	round  text[];         -- orgs that may still have work, in their order
	more   text[];         -- those of the next round
	moved  boolean;        -- the order isn't what was read any more
	turns  boolean;        -- this claim moves its orgs in the round
	given  integer := 0;
	part   integer;        -- how many leases an org gets in a round: one, unless it is the only one
	got    integer;
BEGIN
	now := coalesce(now, pg_catalog.clock_timestamp());
	expires := now + ttl * interval '1 microsecond';
	WHILE given < n LOOP
		mine := '{}';
		FOR fresh IN REVERSE 10 .. 0 LOOP -- how often to look again when others were faster
			others := '{}';
			moved := false;
			FOR turn IN SELECT t.org, t.served FROM isekai.turns t WHERE t.busy ORDER BY t.served, t.org LOOP
				EXIT WHEN pg_catalog.cardinality(mine) = n - given;
				CONTINUE WHEN turn.org = ANY (mine || dry);
				CONTINUE WHEN NOT EXISTS (SELECT FROM isekai.work w WHERE w.org = turn.org AND w.due <= now);
				PERFORM FROM isekai.turns t WHERE t.org = turn.org AND t.served = turn.served FOR UPDATE SKIP LOCKED;
				IF FOUND THEN
					mine := mine || turn.org;
					CONTINUE;
				END IF;
				others := others || turn.org;
				moved := NOT EXISTS (SELECT FROM isekai.turns t WHERE t.org = turn.org AND t.served = turn.served);
				EXIT WHEN moved AND fresh > 0;
			END LOOP;
			EXIT WHEN NOT moved;
		END LOOP;
		turns := pg_catalog.cardinality(mine) > 0;
		round := CASE WHEN turns THEN mine ELSE others END;
		WHILE given < n AND pg_catalog.cardinality(round) > 0 LOOP
			part := CASE pg_catalog.cardinality(round) WHEN 1 THEN n - given ELSE 1 END;
			more := '{}';
			FOREACH of_org IN ARRAY round LOOP
				EXIT WHEN given = n;
				got := 0;
				FOR item IN SELECT w.project, w.stream FROM isekai.work w
					WHERE w.org = of_org AND w.due <= now ORDER BY w.due, w.stream LIMIT part FOR UPDATE SKIP LOCKED
				LOOP
					of_project := item.project;
					of_stream := item.stream;
					fence := pg_catalog.nextval('isekai.claims');
					UPDATE isekai.work w SET token = fence, worker = by_worker, due = expires
						WHERE w.org = of_org AND w.stream = of_stream;
					RETURN NEXT;
					got := got + 1;
				END LOOP;
				given := given + got;
				IF got > 0 AND turns THEN
					UPDATE isekai.turns t SET served = fence WHERE t.org = of_org;
				END IF;
				IF got = part THEN
					more := more || of_org;
				ELSE
					dry := dry || of_org;
				END IF;
			END LOOP;
			round := more;
		END LOOP;
		EXIT WHEN NOT turns; -- nothing was left for those who take turns
	END LOOP;
END $$;
-- +goose StatementEnd
REVOKE UPDATE (given) ON isekai.turns FROM isekai_queue;
ALTER TABLE isekai.turns DROP COLUMN given;
DROP TABLE isekai.shares;
DROP TABLE isekai.quotas;
DROP TABLE isekai.entries;
DROP FUNCTION isekai.refuse();
DROP TABLE isekai.accounts;
DROP TABLE isekai.books;
DROP TABLE isekai.records;
