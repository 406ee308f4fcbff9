package conversation_test

import (
	"os"
	"testing"

	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// cluster is the PostgreSQL of all tests; nil if they are to be quick.
var cluster *pgtest.Cluster

func TestMain(m *testing.M) { os.Exit(pgtest.Beside(m, &cluster).Run()) }
