package notify_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

var cluster *pgtest.Cluster

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(pgtest.Beside(m, &cluster))
}
