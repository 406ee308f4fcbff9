-- What consumers have applied is marked by event. What one couldn't is a dead letter.
-- Terms say which process leads; keysets hold each org's wrapped keys.

-- +goose Up
CREATE TABLE isekai.marks (
	org     text COLLATE "C" NOT NULL CHECK (org <> ''),
	view    text COLLATE "C" NOT NULL,
	stream  text COLLATE "C" NOT NULL,
	version bigint NOT NULL,
	PRIMARY KEY (org, view, stream)
) WITH (fillfactor = 80);

CREATE TABLE isekai.view_rows (
	org     text COLLATE "C" NOT NULL CHECK (org <> ''),
	view    text COLLATE "C" NOT NULL,
	id      text COLLATE "C" NOT NULL,
	project text COLLATE "C" NOT NULL,
	kind    text COLLATE "C" NOT NULL,
	status  text COLLATE "C" NOT NULL,
	sort    bigint NOT NULL,
	data    bytea  NOT NULL
) WITH (fillfactor = 80);
ALTER TABLE isekai.view_rows ALTER COLUMN data SET STORAGE EXTERNAL;
-- A list is read in the order of one of these and stops at its limit. A kind is
-- filtered on the way: there are few, and rows of each are common.
CREATE INDEX view_rows_all               ON isekai.view_rows (org, view, sort, id);
CREATE INDEX view_rows_by_project        ON isekai.view_rows (org, view, project, sort, id);
CREATE INDEX view_rows_by_status         ON isekai.view_rows (org, view, status, sort, id);
CREATE INDEX view_rows_by_project_status ON isekai.view_rows (org, view, project, status, sort, id);
ALTER TABLE isekai.view_rows ADD PRIMARY KEY (org, view, id);

CREATE TABLE isekai.letters (
	org      text COLLATE "C" NOT NULL CHECK (org <> ''),
	consumer text COLLATE "C" NOT NULL,
	stream   text COLLATE "C" NOT NULL,
	version  bigint      NOT NULL,
	event    text        NOT NULL,
	type     text        NOT NULL,
	reason   text        NOT NULL,
	tries    bigint      NOT NULL,
	at       timestamptz NOT NULL,
	PRIMARY KEY (org, consumer, stream, version)
);

-- The only table without an org: it names duties, not data.
CREATE TABLE isekai.terms (
	name   text COLLATE "C" NOT NULL PRIMARY KEY,
	holder text        NOT NULL,
	until  timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE isekai.keysets (
	org        text COLLATE "C" NOT NULL PRIMARY KEY CHECK (org <> ''),
	wrapped    bytea   NOT NULL,
	generation bigint  NOT NULL,
	shredded   boolean NOT NULL DEFAULT false
);
ALTER TABLE isekai.keysets ALTER COLUMN wrapped SET STORAGE EXTERNAL;

-- +goose StatementBegin
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['marks', 'view_rows', 'letters', 'keysets'] LOOP
		EXECUTE pg_catalog.format('ALTER TABLE isekai.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
		EXECUTE pg_catalog.format($q$CREATE POLICY tenant ON isekai.%I TO isekai_app
			USING (org = pg_catalog.current_setting('isekai.org', true))
			WITH CHECK (org = pg_catalog.current_setting('isekai.org', true))$q$, t);
		EXECUTE pg_catalog.format('CREATE POLICY owner ON isekai.%I TO CURRENT_USER USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
-- +goose StatementEnd

GRANT SELECT, INSERT, UPDATE, DELETE ON isekai.marks, isekai.view_rows, isekai.letters TO isekai_app;
GRANT SELECT, INSERT, UPDATE ON isekai.keysets TO isekai_app; -- a shredded one stays
GRANT SELECT, INSERT, UPDATE, DELETE ON isekai.terms TO isekai_relay;
GRANT SELECT (org, shredded) ON isekai.keysets TO isekai_queue;
CREATE POLICY queue ON isekai.keysets FOR SELECT TO isekai_queue USING (true);

-- keyset_orgs returns the orgs that have a keyset which isn't shredded.
CREATE FUNCTION isekai.keyset_orgs() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
	'SELECT k.org FROM isekai.keysets k WHERE NOT k.shredded ORDER BY k.org';

-- scrub writes the keysets anew, without the dead versions of their rows. Only the owner
-- of a table may do that, and nothing else is in the function.
CREATE FUNCTION isekai.scrub() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
	'BEGIN CLUSTER isekai.keysets USING keysets_pkey; END';

REVOKE ALL ON FUNCTION isekai.keyset_orgs(), isekai.scrub() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION isekai.keyset_orgs(), isekai.scrub() TO isekai_app;
GRANT CREATE ON SCHEMA isekai TO isekai_queue;
ALTER FUNCTION isekai.keyset_orgs() OWNER TO isekai_queue;
REVOKE CREATE ON SCHEMA isekai FROM isekai_queue;

-- +goose Down
DROP FUNCTION isekai.scrub();
DROP FUNCTION isekai.keyset_orgs();
DROP TABLE isekai.keysets;
DROP TABLE isekai.terms;
DROP TABLE isekai.letters;
DROP TABLE isekai.view_rows;
DROP TABLE isekai.marks;
