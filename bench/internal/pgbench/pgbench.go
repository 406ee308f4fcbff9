// Package pgbench runs PostgreSQL's own program of that name, as the peer of what the
// benchmarks measure on PostgreSQL.
package pgbench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

var tps = regexp.MustCompile(`tps = ([0-9.]+) `)

// Run has so many clients repeat a script in a database of the cluster for a time, in whole
// seconds, and returns how often a second they did. Variables are set as in "v=0".
func Run(ctx context.Context, c *pgtest.Cluster, cfg postgres.Config, script string, clients int, length time.Duration, variables ...string) (float64, error) {
	path, err := exec.LookPath("pgbench")
	if err != nil {
		path = c.Bin("pgbench")
	}
	at, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return 0, err
	}
	args := []string{
		"-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(2, clients)),
		"-T", strconv.Itoa(max(1, int(length.Seconds()))), "-f", "-", "-h", at.Host, "-p", strconv.Itoa(int(at.Port)), "-U", at.User,
	}
	for _, v := range variables {
		args = append(args, "-D", v)
	}
	cmd := exec.CommandContext(ctx, path, append(args, at.Database)...)
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	m := tps.FindSubmatch(out)
	if err == nil && m == nil {
		err = errors.New("it did nothing in that time")
	}
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
