package postgres

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// What a URL says of TLS holds for pg_dump, too, and its password is on no command line.
func TestLibpq(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"postgres://o:p%40ss@h:5433/d?sslmode=verify-full&sslrootcert=%2Fca.pem":    {"postgres://o@h:5433/d?sslmode=verify-full&sslrootcert=%2Fca.pem", "p@ss"},
		"postgresql://o@/d?host=%2Fsocket&port=1":                                   {"postgresql://o@/d?host=%2Fsocket&port=1", ""},
		"postgres://o@h/d?password=x&default_query_exec_mode=exec&pool_max_conns=3": {"postgres://o@h/d", "x"},
	} {
		target, password, err := libpq(address)
		if err != nil || target != want[0] || password != want[1] {
			t.Errorf("%s: %q, %q, %v", address, target, password, err)
		}
	}
	if _, _, err := libpq("host=h dbname=d"); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
		t.Errorf("no URL: %v", err)
	}
}
