package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// What fills a database: an org with many events, many orgs with nothing to do, some
// that are busy, a long list, a backlog.
var filling = []string{
	`INSERT INTO isekai.orgs SELECT 'org_' || n, 1, true FROM generate_series(1, 100000) n`,
	`INSERT INTO isekai.turns SELECT 'org_' || n, false, n FROM generate_series(1, 100000) n`,
	`INSERT INTO isekai.orgs VALUES ('org_big', 200000, true)`,
	`INSERT INTO isekai.events SELECT 'org_big', 'tsk_' || n / 20, n % 20 + 1, n, 'p', 'evt_' || n, 'x.y', now(), 'user', 'u', '{}' FROM generate_series(20, 199999) n`,
	`INSERT INTO isekai.events SELECT 'org_' || n, 'tsk_1', 1, 1, 'p', 'evt_' || n, 'x.y', now(), 'user', 'u', '{}' FROM generate_series(1, 20000) n`,
	`INSERT INTO isekai.outbox (org, stream, version) SELECT 'org_' || n, 'tsk_1', 1 FROM generate_series(1, 20000) n`,
	`UPDATE isekai.turns SET busy = true WHERE org IN (SELECT 'org_' || n FROM generate_series(1, 20) n)`,
	`INSERT INTO isekai.work SELECT 'org_' || n % 20 + 1, 'tsk_' || n, 'p', now() + interval '1 hour', 7, 'w' FROM generate_series(1, 20000) n`,
	`INSERT INTO isekai.marks SELECT 'org_big', 'tasks', 'tsk_' || n, 1 FROM generate_series(1, 20000) n`,
	`INSERT INTO isekai.view_rows SELECT 'org_big', 'v_tsk_new_1', 'tsk_' || n, 'p', 'k', CASE n % 3 WHEN 0 THEN 's' ELSE 'r' END, n, '{}' FROM generate_series(1, 20000) n`,
	`INSERT INTO isekai.letters SELECT 'org_big', 'c' || n % 3, 'tsk_' || n, 1, 'e', 't', 'r', 1, now() FROM generate_series(1, 20000) n`,
	`INSERT INTO isekai.keysets SELECT 'org_' || n, 'x', 1 FROM generate_series(1, 2000) n`,
	`INSERT INTO isekai.records SELECT 'org_big', 'user', 'usr_' || n, 1, CASE n % 3 WHEN 0 THEN now() + interval '1 hour' END, '{}' FROM generate_series(1, 20000) n`,
	`INSERT INTO isekai.books VALUES ('org_big', 100000)`,
	`INSERT INTO isekai.accounts SELECT 'org_big', 'held/' || n, 1 FROM generate_series(1, 20000) n`,
	`INSERT INTO isekai.entries SELECT 'org_big', n, 'evt_' || n, 0, 'k', 'p', 'tsk_' || n % 500, '', 'held/' || n % 500, 1, 1, now() FROM generate_series(1, 20000) n`,
	`INSERT INTO isekai.quotas SELECT 'org_big', 'b' || n, 0, 1 FROM generate_series(1, 20000) n`,
	`INSERT INTO isekai.shares SELECT 'org_' || n, 2 FROM generate_series(1, 20000) n`,
}

// explained are the settings with which PostgreSQL logs the plan of every statement, of
// those in functions too, with what it did.
var explained = []string{
	"session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0", "auto_explain.log_nested_statements = on",
	"auto_explain.log_analyze = on", "auto_explain.log_timing = off", "auto_explain.log_buffers = on", "log_min_messages = log", "log_line_prefix = '@%u '",
	"autovacuum = off",
}

var (
	scanned = regexp.MustCompile(`Scan[^\n]*actual rows=(\d+) loops=(\d+)`)
	touched = regexp.MustCompile(`Buffers: shared hit=(\d+)(?: read=(\d+))?`)
	dropped = regexp.MustCompile(`Rows Removed by[^\n]*: (\d+)`)
)

// What makes every table a little longer.
var growing = []string{
	`INSERT INTO isekai.orgs SELECT 'org_s' || n, 1, true FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.turns SELECT 'org_s' || n, false, n FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.events SELECT 'org_young', 'tsk_s' || n / 5, n % 5 + 1, 100000 + n, 'p', 'evt_' || n, 'x.y', now(), 'user', 'u', '{}' FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.outbox (org, stream, version) SELECT 'org_young', 'tsk_s' || n / 5, n % 5 + 1 FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.work SELECT 'org_young', 'tsk_s' || n, 'p', now() + interval '1 hour', 7, 'w' FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.marks SELECT 'org_young', 'tasks', 'tsk_s' || n, 1 FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.view_rows SELECT 'org_young', 'v', 'tsk_s' || n, 'p', 'k', 's', n, '{}' FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.letters SELECT 'org_young', 'c' || n % 3, 'tsk_s' || n, 1, 'e', 't', 'r', 1, now() FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.keysets SELECT 'org_s' || n, 'x', 1 FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.records SELECT 'org_young', 'user', 'usr_' || n, 1, now() + interval '1 hour', '{}' FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.books SELECT 'org_s' || n, 1 FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.accounts SELECT 'org_young', 'held/' || n, 1 FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.entries SELECT 'org_young', 100000 + n, 'evt_' || n, 0, 'k', 'p', 'tsk_s' || n / 5, '', 'held/' || n, 1, 1, now() FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.quotas SELECT 'org_young', 'b' || n, 0, 1 FROM generate_series($1::int, $2::int) n`,
	`INSERT INTO isekai.shares SELECT 'org_s' || n, 2 FROM generate_series($1::int, $2::int) n`,
}

// No statement of the store reads a table from end to end, sorts one, or reads much more
// than it returns: in a full database that PostgreSQL has looked at, and in one that it
// hasn't looked at since the plans were made, which was when it was empty, or young.
func TestEveryStatementHasItsIndex(t *testing.T) {
	t.Parallel()
	for name, sizes := range map[string][]int{
		"Analyzed": nil, "Empty": {0}, "Young": {20, 40, 60, 80, 110, 140, 170, 200, 230, 260, 290, 330, 400, 600},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pgtest.Start(t, pgtest.Config{Fast: true, Settings: explained})
			cfg := c.Database(t)
			cfg.MaxConns = 1 // which has all the plans
			admin := dial(t, c.URL("postgres", dial(t, cfg.URL).Config().Database))
			mustExec(t, admin, "SET auto_explain.log_min_duration = -1")
			var stores []*postgres.Store
			size := 0
			for _, next := range sizes {
				for _, sql := range growing {
					if _, err := admin.Exec(t.Context(), sql, size+1, next); err != nil {
						t.Fatal(err)
					}
				}
				size = next
				s := open(t, cfg)
				for i := range 2 {
					exercise(t, s, "org_young", core.StreamID(fmt.Sprint("tsk_early_", size, "_", i)))
				}
				stores = append(stores, s)
			}
			for _, sql := range filling {
				mustExec(t, admin, sql)
			}
			if sizes == nil {
				mustExec(t, admin, "VACUUM ANALYZE")
				stores = append(stores, open(t, cfg))
			}
			log := filepath.Join(c.Dir(), "log")
			before, err := os.Stat(log)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range stores {
				exercise(t, s, "org_big", core.StreamID(fmt.Sprint("tsk_new_", i)))
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			checkPlans(t, string(text[before.Size():]))
		})
	}
}

// checkPlans looks at the plans in a log.
func checkPlans(t *testing.T, log string) {
	t.Helper()
	plans := 0
	for _, entry := range strings.Split(log, "\n@") {
		user, plan, found := strings.Cut(entry, " LOG:  duration:")
		if !found || !strings.Contains(user, pgtest.Server) && !strings.Contains(user, pgtest.Relay) || strings.Contains(plan, "goose") {
			continue
		}
		plans++
		checkPlan(t, plan)
	}
	if plans < 80 {
		t.Errorf("only %d plans were logged", plans)
	}
}

var (
	// The lists of all orgs are read whole, and the catalogue is PostgreSQL's affair.
	lists = regexp.MustCompile(`isekai\.(begun_orgs|keyset_orgs|tenants|scrub)\(\)|UNION SELECT|FROM isekai\.(orgs o WHERE o\.begun|keysets k WHERE NOT)|CLUSTER|pg_roles`)
	// What moves or removes a view touches its rows.
	ofViews = regexp.MustCompile(`Query Text: (UPDATE isekai\.(view_rows|marks) SET view|DELETE FROM isekai\.(view_rows|marks) WHERE org = \$1 AND view = \$2\n)`)
)

func checkPlan(t *testing.T, plan string) {
	t.Helper()
	if lists.MatchString(plan) {
		return
	}
	if strings.Contains(plan, "Seq Scan") {
		t.Errorf("reads a table from end to end:%s", plan)
	}
	if ofViews.MatchString(plan) {
		return
	}
	// The first is of the whole statement. That of the function counts its compilation;
	// its statements come by themselves.
	if m := touched.FindStringSubmatch(plan); m != nil && !strings.Contains(plan, "Function Scan on claim") {
		hit, _ := strconv.Atoi(m[1])
		read, _ := strconv.Atoi(m[2])
		if hit+read > 200 {
			t.Errorf("touches %d pages:%s", hit+read, plan)
		}
	}
	for _, m := range append(scanned.FindAllStringSubmatch(plan, -1), dropped.FindAllStringSubmatch(plan, -1)...) {
		rows, _ := strconv.Atoi(m[1])
		if rows > 250 {
			t.Errorf("reads %d rows (%s):%s", rows, m[0], plan)
		}
	}
}
