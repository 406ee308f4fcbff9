-- Every tenant's row carries its org, every key that a tenant's query uses begins with
-- it, and row-level security, forced on the owner too, shows the application role the
-- rows of one org: the one that its transaction has named in isekai.org. None named: no
-- rows. Texts are compared by their bytes.
--
-- The hot tables have no foreign keys: one statement writes all of them, and nobody may
-- delete an event.
--
-- A primary key comes after its table's other indexes: of those that cost the same, as
-- all do in an empty table, the planner takes the newest, and a prepared plan stays.

-- +goose Up

-- The groups that rights are granted to. They belong to the whole cluster, so another
-- database may have made them, or be making them now.
-- +goose StatementBegin
DO $$
DECLARE
	role text;
BEGIN
	FOREACH role IN ARRAY ARRAY['isekai_app', 'isekai_relay', 'isekai_queue'] LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
			BEGIN
				EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
			EXCEPTION WHEN duplicate_object OR unique_violation THEN
				NULL;
			END;
		END IF;
	END LOOP;
	-- To give isekai_queue functions one has to be able to become it, which from version 16
	-- on is more than belonging to it.
	IF NOT pg_catalog.pg_has_role(current_user, 'isekai_queue',
		CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
		GRANT isekai_queue TO CURRENT_USER;
	END IF;
END $$;
-- +goose StatementEnd
GRANT USAGE ON SCHEMA isekai TO isekai_app, isekai_relay, isekai_queue;
GRANT SELECT ON isekai.goose_db_version TO isekai_app;

-- The tenants. position: the highest that was given to an event of the org. Who appends
-- holds this row until the commit, which puts an org's commits in the order of their
-- positions. begun: it has an event.
CREATE TABLE isekai.orgs (
	org      text COLLATE "C" NOT NULL PRIMARY KEY CHECK (org <> ''),
	position bigint  NOT NULL,
	begun    boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);

CREATE TABLE isekai.events (
	org        text COLLATE "C" NOT NULL CHECK (org <> ''),
	stream     text COLLATE "C" NOT NULL,
	version    bigint      NOT NULL,
	position   bigint      NOT NULL,
	project    text        NOT NULL,
	id         text        NOT NULL,
	type       text        NOT NULL,
	at         timestamptz NOT NULL,
	actor_kind text        NOT NULL,
	actor_id   text        NOT NULL,
	data       bytea       NOT NULL
);
CREATE UNIQUE INDEX events_in_order ON isekai.events (org, position);
ALTER TABLE isekai.events ADD PRIMARY KEY (org, stream, version);
ALTER TABLE isekai.events ALTER COLUMN data SET STORAGE EXTERNAL; -- ciphertext can't be compressed

-- The events that wait to be published, in the order of their transactions' work.
CREATE TABLE isekai.outbox (
	seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	org     text COLLATE "C" NOT NULL CHECK (org <> ''),
	stream  text COLLATE "C" NOT NULL,
	version bigint NOT NULL
);

-- The streams that have something to do. due: when it can be claimed, which for leased
-- work is when the lease expires. token: the lease's fence; 0: no lease.
CREATE TABLE isekai.work (
	org     text COLLATE "C" NOT NULL CHECK (org <> ''),
	stream  text COLLATE "C" NOT NULL,
	project text        NOT NULL,
	due     timestamptz NOT NULL,
	token   bigint      NOT NULL DEFAULT 0,
	worker  text        NOT NULL DEFAULT ''
) WITH (fillfactor = 70);
CREATE INDEX work_by_due ON isekai.work (org, due, stream);
ALTER TABLE isekai.work ADD PRIMARY KEY (org, stream);

-- The round of the orgs. busy: it has rows in work; only appends change that, which hold
-- the org's row in orgs. served: the number of the claim that ended its latest turn. given:
-- how many streams it was given in its turn. Apart from orgs, so that claims and appends of
-- one org don't wait for each other.
CREATE TABLE isekai.turns (
	org    text COLLATE "C" NOT NULL CHECK (org <> ''),
	busy   boolean NOT NULL,
	served bigint  NOT NULL DEFAULT 0,
	given  bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX turns_in_order ON isekai.turns (served, org) WHERE busy;
ALTER TABLE isekai.turns ADD PRIMARY KEY (org);

-- How many streams an org is given in each turn; one, if it isn't here.
CREATE TABLE isekai.shares (
	org   text COLLATE "C" NOT NULL PRIMARY KEY CHECK (org <> ''),
	share bigint NOT NULL CHECK (share > 0)
);

-- Numbers claims: an org's place in the round, and the fence of the lease.
CREATE SEQUENCE isekai.claims;

-- +goose StatementBegin
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['orgs', 'events', 'outbox', 'work', 'turns', 'shares'] LOOP
		EXECUTE pg_catalog.format('ALTER TABLE isekai.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
		EXECUTE pg_catalog.format($q$CREATE POLICY tenant ON isekai.%I TO isekai_app
			USING (org = pg_catalog.current_setting('isekai.org', true))
			WITH CHECK (org = pg_catalog.current_setting('isekai.org', true))$q$, t);
		EXECUTE pg_catalog.format('CREATE POLICY owner ON isekai.%I TO CURRENT_USER USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
-- +goose StatementEnd

-- The application: an event, once stored, stays as it is.
GRANT SELECT, INSERT, UPDATE ON isekai.orgs, isekai.turns, isekai.shares TO isekai_app;
GRANT SELECT, INSERT ON isekai.events TO isekai_app;
GRANT INSERT ON isekai.outbox TO isekai_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON isekai.work TO isekai_app;

-- The relay: all orgs' events to read, all messages to remove.
GRANT SELECT ON isekai.events TO isekai_relay;
GRANT SELECT, DELETE ON isekai.outbox TO isekai_relay;
CREATE POLICY relay ON isekai.events FOR SELECT TO isekai_relay USING (true);
CREATE POLICY relay ON isekai.outbox TO isekai_relay USING (true);

-- The functions that serve the whole installation run as this role.
GRANT SELECT ON isekai.orgs, isekai.work, isekai.turns, isekai.shares TO isekai_queue;
GRANT UPDATE (due, token, worker) ON isekai.work TO isekai_queue;
GRANT UPDATE (served, given) ON isekai.turns TO isekai_queue;
GRANT USAGE ON SEQUENCE isekai.claims TO isekai_queue;
CREATE POLICY queue ON isekai.orgs FOR SELECT TO isekai_queue USING (true);
CREATE POLICY queue ON isekai.work TO isekai_queue USING (true) WITH CHECK (true);
CREATE POLICY queue ON isekai.turns TO isekai_queue USING (true) WITH CHECK (true);
CREATE POLICY queue ON isekai.shares FOR SELECT TO isekai_queue USING (true);

-- Functions that run as another role look for nothing in the caller's temporary schema,
-- which comes first unless it is named.

-- begun_orgs returns the orgs that have an event.
CREATE FUNCTION isekai.begun_orgs() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
	'SELECT o.org FROM isekai.orgs o WHERE o.begun ORDER BY o.org';

-- claim leases up to n streams until ttl microseconds after now (NULL: the clock's). The
-- org whose turn ended longest ago comes first, and of that the oldest due; its turn lasts
-- until it was given its share. It never waits. An org whose turn another claim holds at
-- this moment comes after the others; then its work is shared, and the other claim moves
-- it in the round.
-- +goose StatementBegin
CREATE FUNCTION isekai.claim(by_worker text, n integer, ttl bigint, now timestamptz)
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

REVOKE ALL ON FUNCTION isekai.begun_orgs(), isekai.claim(text, integer, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION isekai.begun_orgs(), isekai.claim(text, integer, bigint, timestamptz) TO isekai_app;
GRANT CREATE ON SCHEMA isekai TO isekai_queue;
ALTER FUNCTION isekai.begun_orgs() OWNER TO isekai_queue;
ALTER FUNCTION isekai.claim(text, integer, bigint, timestamptz) OWNER TO isekai_queue;
REVOKE CREATE ON SCHEMA isekai FROM isekai_queue;

-- +goose Down
-- The groups stay: another database of the cluster may use them.
DROP FUNCTION isekai.claim(text, integer, bigint, timestamptz);
DROP FUNCTION isekai.begun_orgs();
DROP SEQUENCE isekai.claims;
DROP TABLE isekai.shares;
DROP TABLE isekai.turns;
DROP TABLE isekai.work;
DROP TABLE isekai.outbox;
DROP TABLE isekai.events;
DROP TABLE isekai.orgs;
REVOKE ALL ON isekai.goose_db_version FROM isekai_app;
REVOKE ALL ON SCHEMA isekai FROM isekai_app, isekai_relay, isekai_queue;
