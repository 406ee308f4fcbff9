package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/bench/internal/pgbench"
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

const mostClients = 32

// addOrgs makes the orgs that pgbench's clients append in.
func addOrgs(c *pgtest.Cluster, cfg postgres.Config) error {
	at, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return err
	}
	return c.Admin(at.Database,
		fmt.Sprintf(`INSERT INTO isekai.orgs (org, position, begun) SELECT 'org_pgbench_' || n, 0, true FROM generate_series(0, %d) n`, mostClients-1))
}

// appendByPgbench returns the appends per second of so many clients.
func appendByPgbench(c *pgtest.Cluster, cfg postgres.Config, round, clients int, length time.Duration) (float64, error) {
	text := strings.NewReplacer("ORG", `('org_pgbench_' || :client_id::text)`,
		"STREAM", fmt.Sprintf(`('tsk_%d_%d_' || :client_id::text)`, round, clients)).Replace(script)
	return pgbench.Run(context.Background(), c, cfg, text, clients, length, "v=0", `data=\x`+hex.EncodeToString(payload))
}
