-- An index of documents. Words are keyed digests; parts and vectors are ciphertext.

-- +goose Up

-- One row: the name of this index.
CREATE TABLE self (id TEXT NOT NULL) STRICT;
INSERT INTO self VALUES ('idx_' || lower(hex(randomblob(16))));

-- generation grows with each change of the shelf, and stays when it is empty.
CREATE TABLE shelves (
	no         INTEGER PRIMARY KEY,
	org        TEXT    NOT NULL,
	project    TEXT    NOT NULL,
	kind       TEXT    NOT NULL,
	generation INTEGER NOT NULL,
	UNIQUE (org, project, kind)
) STRICT;

CREATE TABLE documents (
	no     INTEGER PRIMARY KEY,
	shelf  INTEGER NOT NULL REFERENCES shelves (no),
	id     TEXT    NOT NULL,
	stamp  TEXT    NOT NULL,
	space  TEXT    NOT NULL,
	parts  INTEGER NOT NULL,
	length INTEGER NOT NULL,
	UNIQUE (shelf, id)
) STRICT;

CREATE TABLE parts (
	document INTEGER NOT NULL REFERENCES documents (no) ON DELETE CASCADE,
	n        INTEGER NOT NULL,
	data     BLOB    NOT NULL,
	PRIMARY KEY (document, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE vectors (
	document INTEGER PRIMARY KEY REFERENCES documents (no) ON DELETE CASCADE,
	data     BLOB NOT NULL
) STRICT;

-- The words of documents, so that those that have a word are one range.
CREATE TABLE words (
	shelf    INTEGER NOT NULL,
	word     BLOB    NOT NULL,
	document INTEGER NOT NULL REFERENCES documents (no) ON DELETE CASCADE,
	uses     BLOB    NOT NULL,
	PRIMARY KEY (shelf, word, document)
) STRICT, WITHOUT ROWID;
CREATE INDEX words_by_document ON words (document);

-- +goose Down
DROP TABLE words;
DROP TABLE vectors;
DROP TABLE parts;
DROP TABLE documents;
DROP TABLE shelves;
DROP TABLE self;
