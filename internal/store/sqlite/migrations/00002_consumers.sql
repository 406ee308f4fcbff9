-- What consumers have applied is marked by event, not by position: a consumer goes on
-- past an event that it can't apply. What one couldn't is a dead letter. Terms say which
-- process leads; keysets hold each org's wrapped keys.

-- +goose Up
CREATE TABLE marks (
	org     TEXT    NOT NULL,
	view    TEXT    NOT NULL,
	stream  TEXT    NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (org, view, stream)
) STRICT, WITHOUT ROWID;
INSERT INTO marks (org, view, stream, version)
	SELECT v.org, v.view, e.stream, max(e.version) FROM views v
	JOIN events e ON e.org = v.org AND e.position <= v.position GROUP BY v.org, v.view, e.stream;

CREATE TABLE rows_new (
	org     TEXT    NOT NULL,
	view    TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	project TEXT    NOT NULL,
	kind    TEXT    NOT NULL,
	status  TEXT    NOT NULL,
	sort    INTEGER NOT NULL,
	data    BLOB    NOT NULL,
	PRIMARY KEY (org, view, id)
) STRICT;
INSERT INTO rows_new SELECT org, view, id, project, kind, status, sort, data FROM view_rows;
DROP TABLE view_rows;
ALTER TABLE rows_new RENAME TO view_rows;
DROP TABLE views;
-- A list is read in the order of one of these and stops at its limit. A kind is
-- filtered on the way: there are few, and rows of each are common.
CREATE INDEX view_rows_all               ON view_rows (org, view, sort, id);
CREATE INDEX view_rows_by_project        ON view_rows (org, view, project, sort, id);
CREATE INDEX view_rows_by_status         ON view_rows (org, view, status, sort, id);
CREATE INDEX view_rows_by_project_status ON view_rows (org, view, project, status, sort, id);

CREATE TABLE letters (
	org      TEXT    NOT NULL,
	consumer TEXT    NOT NULL,
	stream   TEXT    NOT NULL,
	version  INTEGER NOT NULL,
	event    TEXT    NOT NULL,
	type     TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	tries    INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (org, consumer, stream, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE terms (
	name   TEXT    NOT NULL PRIMARY KEY,
	holder TEXT    NOT NULL,
	until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keysets (
	org        TEXT    NOT NULL PRIMARY KEY,
	wrapped    BLOB    NOT NULL,
	generation INTEGER NOT NULL,
	shredded   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE keysets;
DROP TABLE terms;
DROP TABLE letters;

-- The first version reads everything again, into views that are empty: a mark of one
-- event says nothing of a position.
DROP TABLE marks;
DROP TABLE view_rows;
CREATE TABLE views (
	org      TEXT    NOT NULL,
	view     TEXT    NOT NULL,
	position INTEGER NOT NULL,
	PRIMARY KEY (org, view)
) STRICT, WITHOUT ROWID;
CREATE TABLE view_rows (
	org     TEXT    NOT NULL,
	view    TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	project TEXT    NOT NULL,
	kind    TEXT    NOT NULL,
	status  TEXT    NOT NULL,
	sort    INTEGER NOT NULL,
	data    BLOB    NOT NULL,
	PRIMARY KEY (org, view, id),
	FOREIGN KEY (org, view) REFERENCES views (org, view) ON DELETE CASCADE
) STRICT;
CREATE INDEX view_rows_all               ON view_rows (org, view, sort, id);
CREATE INDEX view_rows_by_project        ON view_rows (org, view, project, sort, id);
CREATE INDEX view_rows_by_status         ON view_rows (org, view, status, sort, id);
CREATE INDEX view_rows_by_project_status ON view_rows (org, view, project, status, sort, id);
