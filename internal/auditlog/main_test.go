package auditlog_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// cluster is the PostgreSQL of all tests; nil if they are to be quick.
var cluster *pgtest.Cluster

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Beside(m, &cluster)) }
