-- An index of documents. Words are keyed digests; parts and vectors are ciphertext. Every row
-- carries its org, every key begins with it, and row-level security, forced on the owner too,
-- shows the application's role the rows of the org that its transaction has named in
-- isekai.org.

-- +goose Up

-- +goose StatementBegin
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'isekai_app') THEN
		BEGIN
			CREATE ROLE isekai_app NOLOGIN;
		EXCEPTION WHEN duplicate_object OR unique_violation THEN
			NULL;
		END;
	END IF;
END $$;
-- +goose StatementEnd
GRANT USAGE ON SCHEMA isekai_memory TO isekai_app;

-- One row: the name of this index.
CREATE TABLE isekai_memory.self (id text NOT NULL);
INSERT INTO isekai_memory.self VALUES ('idx_' || replace(gen_random_uuid()::text, '-', ''));

-- generation grows with each change of the shelf, and stays when it is empty.
CREATE TABLE isekai_memory.shelves (
	org        text COLLATE "C" NOT NULL CHECK (org <> ''),
	project    text COLLATE "C" NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	generation bigint NOT NULL,
	PRIMARY KEY (org, project, kind)
) WITH (fillfactor = 50);

CREATE TABLE isekai_memory.documents (
	org     text COLLATE "C" NOT NULL,
	project text COLLATE "C" NOT NULL,
	kind    text COLLATE "C" NOT NULL,
	id      text COLLATE "C" NOT NULL,
	no      bigint GENERATED ALWAYS AS IDENTITY,
	stamp   text NOT NULL,
	space   text NOT NULL,
	parts   integer NOT NULL,
	length  integer NOT NULL,
	PRIMARY KEY (org, project, kind, id),
	UNIQUE (org, no),
	FOREIGN KEY (org, project, kind) REFERENCES isekai_memory.shelves
);

CREATE TABLE isekai_memory.parts (
	org      text COLLATE "C" NOT NULL,
	document bigint  NOT NULL,
	n        integer NOT NULL,
	data     bytea   NOT NULL,
	PRIMARY KEY (org, document, n),
	FOREIGN KEY (org, document) REFERENCES isekai_memory.documents (org, no) ON DELETE CASCADE
);

CREATE TABLE isekai_memory.vectors (
	org      text COLLATE "C" NOT NULL,
	document bigint NOT NULL,
	data     bytea  NOT NULL,
	PRIMARY KEY (org, document),
	FOREIGN KEY (org, document) REFERENCES isekai_memory.documents (org, no) ON DELETE CASCADE
);

-- The words of documents, so that those that have a word are one range.
CREATE TABLE isekai_memory.words (
	org      text COLLATE "C" NOT NULL,
	word     bytea  NOT NULL,
	document bigint NOT NULL,
	uses     bytea  NOT NULL,
	PRIMARY KEY (org, word, document),
	FOREIGN KEY (org, document) REFERENCES isekai_memory.documents (org, no) ON DELETE CASCADE
);
CREATE INDEX words_by_document ON isekai_memory.words (org, document);

-- Ciphertext can't be compressed.
ALTER TABLE isekai_memory.parts ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE isekai_memory.vectors ALTER COLUMN data SET STORAGE EXTERNAL;

-- +goose StatementBegin
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['shelves', 'documents', 'parts', 'vectors', 'words'] LOOP
		EXECUTE pg_catalog.format('ALTER TABLE isekai_memory.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
		EXECUTE pg_catalog.format($q$CREATE POLICY tenant ON isekai_memory.%I TO isekai_app
			USING (org = pg_catalog.current_setting('isekai.org', true))
			WITH CHECK (org = pg_catalog.current_setting('isekai.org', true))$q$, t);
		EXECUTE pg_catalog.format('CREATE POLICY owner ON isekai_memory.%I TO CURRENT_USER USING (true) WITH CHECK (true)', t);
		EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON isekai_memory.%I TO isekai_app', t);
	END LOOP;
END $$;
-- +goose StatementEnd
GRANT SELECT ON isekai_memory.self, isekai_memory.goose_db_version TO isekai_app;

-- +goose Down
DROP TABLE isekai_memory.words;
DROP TABLE isekai_memory.vectors;
DROP TABLE isekai_memory.parts;
DROP TABLE isekai_memory.documents;
DROP TABLE isekai_memory.shelves;
DROP TABLE isekai_memory.self;
