package clients

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait: long, for a machine under load.
const patience = 2 * time.Minute

// bin is the program under test.
var bin string

func TestMain(m *testing.M) {
	if os.Getenv(asClient) != "" {
		if err := beClient(os.Args[len(os.Args)-1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "isekai-clients-*")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	bin = filepath.Join(dir, "isekai")
	c := exec.Command("go", "build", "-o", bin, "../../cmd/isekai")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// fetched is the folder that scripts/clients has made, which is named for what is in it.
var fetched = sync.OnceValues(func() (string, error) {
	var pins bytes.Buffer
	for _, name := range []string{"package-lock.json", "requirements.txt", "coder.sha512"} {
		b, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		pins.Write(b)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(pins.Bytes())
	folder := filepath.Join(cache, "isekai", "clients-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(filepath.Join(folder, "complete")); err != nil {
		return "", fmt.Errorf("no clients to test with: run `make clients` (%w)", err)
	}
	return folder, nil
})

// clients is that folder, for a test that isn't short.
func clients(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("runs others' clients")
	}
	folder, err := fetched()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}
