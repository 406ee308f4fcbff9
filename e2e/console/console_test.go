package console

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// web is the console's folder.
const web = "../../web"

// TestConsole does what people do with the console, in a browser.
func TestConsole(t *testing.T) {
	for store, open := range map[string]func(*testing.T) *rig{"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(store, func(t *testing.T) {
			r := open(t)
			files, err := filepath.Glob(web + "/test/*.test.mjs")
			if err != nil || len(files) == 0 {
				t.Fatalf("%v, %v", files, err)
			}
			for _, file := range files {
				name, _, _ := strings.Cut(filepath.Base(file), ".")
				if store == "postgres" && name == "routes" {
					continue // how pages look doesn't depend on the store
				}
				t.Run(name, func(t *testing.T) { r.node(t, "test/"+filepath.Base(file)) })
			}
		})
	}
}

// node runs a file of tests with Node's own runner, which says of each how it went.
func (r *rig) node(t *testing.T, file string) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), 20*time.Minute)
	defer done()
	c := exec.CommandContext(ctx, "node", "--test", "--test-reporter=spec", "--test-concurrency=1", file)
	if own, err := filepath.Abs(web + "/node_modules/.bin/node"); err == nil {
		if _, err := os.Stat(own); err == nil {
			c.Args[0], c.Path = own, own
		}
	}
	c.Dir = web
	c.Env = append(os.Environ(), "ISEKAI_URL="+r.url, "ISEKAI_EMAIL="+email, "ISEKAI_PASSWORD="+password, "ISEKAI_DIR="+r.dir, "ISEKAI_BIN="+bin)
	c.WaitDelay = 10 * time.Second
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err != nil {
		t.Errorf("%s: %v\n%s", file, err, said.String())
		return
	}
	if !strings.Contains(said.String(), "pass ") || strings.Contains(said.String(), "pass 0\n") {
		t.Errorf("%s ran no test\n%s", file, said.String())
	}
}
