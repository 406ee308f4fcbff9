-- Every tenant's row carries its org, and every key that a tenant's query uses
-- begins with it. Times are microseconds since 1970, UTC.

-- +goose Up

-- The tenants that have an event. busy: it has rows in work. served: its place in the
-- round, the number of the claim that ended its latest turn. given: how many streams it was
-- given in its turn. claimed: the number of its latest claim; claims are numbered through
-- the whole installation, so it is the fence, too.
CREATE TABLE orgs (
	org     TEXT    NOT NULL PRIMARY KEY,
	busy    INTEGER NOT NULL DEFAULT 0,
	served  INTEGER NOT NULL DEFAULT 0,
	given   INTEGER NOT NULL DEFAULT 0,
	claimed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX orgs_by_claimed ON orgs (claimed);
CREATE UNIQUE INDEX orgs_in_turn ON orgs (busy, served, org);

-- How many streams an org is given in each turn; one, if it isn't here.
CREATE TABLE shares (
	org   TEXT    NOT NULL PRIMARY KEY,
	share INTEGER NOT NULL CHECK (share > 0)
) STRICT, WITHOUT ROWID;

-- The events, clustered in the order of their commits.
CREATE TABLE events (
	position   INTEGER PRIMARY KEY,
	org        TEXT    NOT NULL REFERENCES orgs (org),
	stream     TEXT    NOT NULL,
	version    INTEGER NOT NULL,
	project    TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	type       TEXT    NOT NULL,
	at         INTEGER NOT NULL,
	actor_kind TEXT    NOT NULL,
	actor_id   TEXT    NOT NULL,
	data       BLOB    NOT NULL,
	UNIQUE (org, stream, version),
	UNIQUE (org, position)
) STRICT;

-- The events that wait to be published.
CREATE TABLE outbox (
	position INTEGER PRIMARY KEY,
	org      TEXT NOT NULL,
	FOREIGN KEY (org, position) REFERENCES events (org, position)
) STRICT;

-- The streams that have something to do. due: when it can be claimed, which for
-- leased work is when the lease expires. token: the lease's fence; 0: no lease.
CREATE TABLE work (
	org     TEXT    NOT NULL REFERENCES orgs (org),
	stream  TEXT    NOT NULL,
	project TEXT    NOT NULL,
	due     INTEGER NOT NULL,
	token   INTEGER NOT NULL DEFAULT 0,
	worker  TEXT    NOT NULL DEFAULT '',
	PRIMARY KEY (org, stream)
) STRICT, WITHOUT ROWID;
CREATE INDEX work_by_due ON work (org, due, stream);

-- The read models, and the position up to which each is built.
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
-- A list is read in the order of one of these and stops at its limit. A kind is
-- filtered on the way: there are few, and rows of each are common.
CREATE INDEX view_rows_all               ON view_rows (org, view, sort, id);
CREATE INDEX view_rows_by_project        ON view_rows (org, view, project, sort, id);
CREATE INDEX view_rows_by_status         ON view_rows (org, view, status, sort, id);
CREATE INDEX view_rows_by_project_status ON view_rows (org, view, project, status, sort, id);

-- +goose Down
DROP TABLE view_rows;
DROP TABLE views;
DROP TABLE work;
DROP TABLE outbox;
DROP TABLE events;
DROP TABLE shares;
DROP TABLE orgs;
