package auditlog_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// cluster is the PostgreSQL of all tests; nil if they are to be quick.
var cluster *pgtest.Cluster

func TestMain(m *testing.M) { goleak.VerifyTestMain(withCluster{m}) }

// withCluster runs the tests beside a PostgreSQL.
type withCluster struct{ *testing.M }

// Run implements goleak.TestingM.
func (m withCluster) Run() int {
	if flag.Parse(); testing.Short() {
		return m.M.Run()
	}
	return pgtest.Main(m.M, &cluster)
}
