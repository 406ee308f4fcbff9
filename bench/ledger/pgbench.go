package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/bench/internal/pgbench"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// script is one posting as pgbench does it: in one piece, prepared, with the statements
// that a posting takes at least, and all clients in one org.
const script = `\set n random(1, 9000000000000000)
\startpipeline
BEGIN;
SELECT set_config('isekai.org', 'org_pgbench', true);
UPDATE isekai.books SET seq = seq + 2 WHERE org = 'org_pgbench';
INSERT INTO isekai.accounts (org, account, balance) VALUES ('org_pgbench', 'held/tsk_' || :n::text, 1);
UPDATE isekai.accounts SET balance = balance - 1 WHERE org = 'org_pgbench' AND account = 'available';
INSERT INTO isekai.entries (org, seq, effect, n, kind, project, task, note, account, amount, balance, at)
	SELECT 'org_pgbench', seq - m.n, 'evt_' || :n::text, m.n, 'hold', 'prj_default', 'tsk_posts', '', m.account, 1, 1, clock_timestamp()
	FROM isekai.books, (VALUES (0, 'available'), (1, 'held/tsk_' || :n::text)) m (n, account) WHERE org = 'org_pgbench';
COMMIT;
\endpipeline
`

// postByPgbench is the rater of pgbench's postings, in an org that it makes.
func postByPgbench(c *pgtest.Cluster, cfg postgres.Config) (rater, error) {
	at, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	post := func(ctx context.Context, clients int, length time.Duration) (float64, error) {
		return pgbench.Run(ctx, c, cfg, script, clients, length)
	}
	return post, c.Admin(at.Database,
		`INSERT INTO isekai.books (org, seq) VALUES ('org_pgbench', 0)`,
		`INSERT INTO isekai.accounts (org, account, balance) VALUES ('org_pgbench', 'available', 1000000000)`)
}
