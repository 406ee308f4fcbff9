package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

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

// pgbench is that program.
type pgbench struct {
	dir, path, socket, database string
	port                        int
}

var tps = regexp.MustCompile(`tps = ([0-9.]+) `)

// newPgbench prepares the program and the org that it posts in.
func newPgbench(c *pgtest.Cluster, cfg postgres.Config, all *ends) (*pgbench, error) {
	path, err := exec.LookPath("pgbench")
	if err != nil {
		path = c.Bin("pgbench")
	}
	dir, err := os.MkdirTemp("", "pgbench")
	if err != nil {
		return nil, err
	}
	*all = append(*all, func() error { return os.RemoveAll(dir) })
	url, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "post.sql"), []byte(script), 0o600); err != nil {
		return nil, err
	}
	return &pgbench{dir: dir, path: path, socket: url.Host, port: int(url.Port), database: url.Database}, c.Admin(url.Database,
		`INSERT INTO isekai.books (org, seq) VALUES ('org_pgbench', 0)`,
		`INSERT INTO isekai.accounts (org, account, balance) VALUES ('org_pgbench', 'available', 1000000000)`)
}

// rate returns its transactions per second with so many clients.
func (b *pgbench) rate(ctx context.Context, clients int, length time.Duration) (float64, error) {
	cmd := exec.CommandContext(ctx, b.path, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(2, clients)),
		"-T", strconv.Itoa(max(1, int(length.Seconds()))), "-f", filepath.Join(b.dir, "post.sql"),
		"-h", b.socket, "-p", strconv.Itoa(b.port), "-U", pgtest.Server, b.database)
	out, err := cmd.CombinedOutput()
	m := tps.FindSubmatch(out)
	if err != nil || m == nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
