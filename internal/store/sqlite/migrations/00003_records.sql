-- Records are state that isn't a stream. The books are double entry: entries never change,
-- no account but one that begins with ~ is below zero, an effect is posted once. Quotas
-- are token buckets; shares weigh orgs in the queue.

-- +goose Up

-- expires: from then on a record is as if it weren't there; NULL: never.
CREATE TABLE records (
	org     TEXT    NOT NULL,
	kind    TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	version INTEGER NOT NULL CHECK (version > 0),
	expires INTEGER,
	data    BLOB    NOT NULL,
	UNIQUE (org, kind, id)
) STRICT;
CREATE INDEX records_by_expiry ON records (expires) WHERE expires IS NOT NULL;

CREATE TABLE accounts (
	org     TEXT    NOT NULL,
	account TEXT    NOT NULL,
	balance INTEGER NOT NULL CHECK (balance >= 0 OR account LIKE '~%'),
	PRIMARY KEY (org, account)
) STRICT, WITHOUT ROWID;

-- One line for each move. n: which move of its posting it is.
CREATE TABLE entries (
	seq     INTEGER PRIMARY KEY,
	org     TEXT    NOT NULL,
	effect  TEXT    NOT NULL,
	n       INTEGER NOT NULL,
	kind    TEXT    NOT NULL,
	project TEXT    NOT NULL,
	task    TEXT    NOT NULL,
	note    TEXT    NOT NULL,
	account TEXT    NOT NULL,
	amount  INTEGER NOT NULL,
	balance INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	FOREIGN KEY (org, account) REFERENCES accounts (org, account)
) STRICT;
CREATE UNIQUE INDEX entries_once ON entries (org, effect, n);
CREATE INDEX entries_by_org     ON entries (org, seq);
CREATE INDEX entries_by_account ON entries (org, account, seq);
CREATE INDEX entries_by_task    ON entries (org, task, seq);

-- +goose StatementBegin
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries BEGIN
	SELECT raise(ABORT, 'entries never change');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries BEGIN
	SELECT raise(ABORT, 'entries never go');
END;
-- +goose StatementEnd

-- full_at: when the bucket is full again, in nanoseconds since 1970. Full ones go.
CREATE TABLE quotas (
	org     TEXT    NOT NULL,
	bucket  TEXT    NOT NULL,
	full_at INTEGER NOT NULL,
	PRIMARY KEY (org, bucket)
) STRICT, WITHOUT ROWID;
CREATE INDEX quotas_by_full ON quotas (full_at);

CREATE TABLE shares (
	org   TEXT    NOT NULL PRIMARY KEY,
	share INTEGER NOT NULL CHECK (share > 0)
) STRICT, WITHOUT ROWID;

-- given: how many streams the org was given in its turn of the round. claimed: the number
-- of its latest claim, which is the fence; served is now its place in the round alone.
ALTER TABLE orgs ADD COLUMN given INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orgs ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;
UPDATE orgs SET claimed = served;
DROP INDEX orgs_by_served;
CREATE INDEX orgs_by_claimed ON orgs (claimed);

-- +goose Down
DROP INDEX orgs_by_claimed;
UPDATE orgs SET served = max(served, claimed);
ALTER TABLE orgs DROP COLUMN claimed;
ALTER TABLE orgs DROP COLUMN given;
CREATE INDEX orgs_by_served ON orgs (served);
DROP TABLE shares;
DROP TABLE quotas;
DROP TRIGGER entries_never_go;
DROP TRIGGER entries_never_change;
DROP TABLE entries;
DROP TABLE accounts;
DROP TABLE records;
