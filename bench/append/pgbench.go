package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// script is one append as pgbench does it: in one piece, prepared, each client in an org
// and a stream of its own. ORG and STREAM stand for expressions.
const script = `\set v :v + 1
\startpipeline
BEGIN;
SELECT set_config('isekai.org', ORG, true);
UPDATE isekai.orgs SET position = position + 1 WHERE org = ORG;
INSERT INTO isekai.events (org, stream, version, position, project, id, type, at, actor_kind, actor_id, data)
	SELECT ORG, STREAM, :v, position, 'prj_default', STREAM || :v::text, 'thing.happened', clock_timestamp(), 'system', 'bench', :data::bytea FROM isekai.orgs WHERE org = ORG;
INSERT INTO isekai.outbox (org, stream, version) VALUES (ORG, STREAM, :v);
INSERT INTO isekai.work AS w (org, stream, project, due) VALUES (ORG, STREAM, 'prj_default', clock_timestamp())
	ON CONFLICT (org, stream) DO UPDATE SET due = excluded.due WHERE w.token = 0 AND w.due > excluded.due;
COMMIT;
\endpipeline
`

// pgbench is that program with the script.
type pgbench struct {
	dir, path, socket, database string
	port                        int
}

const mostClients = 32

func newPgbench(c *pgtest.Cluster, cfg postgres.Config) (*pgbench, error) {
	path, err := exec.LookPath("pgbench")
	if err != nil {
		path = c.Bin("pgbench")
	}
	dir, err := os.MkdirTemp("", "pgbench")
	if err != nil {
		return nil, err
	}
	url, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	return &pgbench{dir: dir, path: path, socket: url.Host, port: int(url.Port), database: url.Database}, c.Admin(url.Database,
		fmt.Sprintf(`INSERT INTO isekai.orgs (org, position, begun) SELECT 'org_pgbench_' || n, 0, true FROM generate_series(0, %d) n`, mostClients-1))
}

func (b *pgbench) remove() { _ = os.RemoveAll(b.dir) }

var tps = regexp.MustCompile(`tps = ([0-9.]+) `)

// run returns the transactions per second of so many clients.
func (b *pgbench) run(round, clients int, length time.Duration) (float64, error) {
	text := strings.NewReplacer("ORG", `('org_pgbench_' || :client_id::text)`,
		"STREAM", fmt.Sprintf(`('tsk_%d_%d_' || :client_id::text)`, round, clients)).Replace(script)
	file := filepath.Join(b.dir, "append.sql")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return 0, err
	}
	cmd := exec.Command(b.path, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(2, clients)),
		"-T", strconv.Itoa(max(1, int(length.Seconds()))), "-f", file, "-D", "v=0", "-D", `data=\x`+hex.EncodeToString(payload),
		"-h", b.socket, "-p", strconv.Itoa(b.port), "-U", pgtest.Server, b.database)
	out, err := cmd.CombinedOutput()
	m := tps.FindSubmatch(out)
	if err != nil || m == nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
