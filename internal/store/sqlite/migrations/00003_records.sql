-- Records are state that isn't a stream. The books are double entry: entries never change,
-- no account but one that begins with ~ is below zero, an effect is posted once. Quotas
-- are token buckets.

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

-- +goose Down
DROP TABLE quotas;
DROP TRIGGER entries_never_go;
DROP TRIGGER entries_never_change;
DROP TABLE entries;
DROP TABLE accounts;
DROP TABLE records;
