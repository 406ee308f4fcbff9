package platform

import (
	"context"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/recall"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault"
)

// memoryCheckKept is how long is told what a look at the whole index found: it reads all records of
// documents.
const memoryCheckKept = 10 * time.Minute

// checkMemory says what an index lacks. unavailable: it isn't as it should be; the hint says what
// repairs it.
func checkMemory(ctx context.Context, c recall.Checking) error {
	const op = "memory.check"
	found, err := recall.Check(ctx, c)
	switch {
	case err != nil:
		return err
	case found.Missing+found.Strays > 0:
		return core.E(core.Unavailable, op, fmt.Sprintf("of %d documents and facts %d aren't in the index, and %d are in it that are no more", found.Kept, found.Missing, found.Strays)).
			WithHint("isekai memory reindex in the project " + string(found.Of[0]) + others(len(found.Of)-1) + " repairs it")
	case found.Behind > 0:
		return core.E(core.Unavailable, op, fmt.Sprintf("of %d documents and facts %d wait to be indexed as they should be", found.Kept, found.Behind)).
			WithHint("isekai memory list says why of each; they are tried again by themselves")
	}
	return nil
}

func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and in %d more,", n)
}

const wholeIndex = "all documents and facts are in the index"

// memoryCheck is how the memory of a running node is.
func (n *node) memoryCheck(ctx context.Context) client.HealthCheck {
	return check("memory", wholeIndex, n.memoryWhole.check(ctx, func(ctx context.Context) error {
		return checkMemory(ctx, recall.Checking{Records: n.store, Index: n.vault.Memory(n.index, n.store), Orgs: n.driver.KeysetOrgs, Now: time.Now})
	}))
}

// memoryCheck looks at the index beside a store that nobody uses. It makes none.
func (c Config) memoryCheck(ctx context.Context, st store.Store, v *vault.Vault) (h client.HealthCheck) {
	if c.driver() == onSQLite && !exists(c.indexFile()) {
		return check("memory", "the index is made at the first start", nil)
	}
	index, err := c.openIndex(ctx)
	if err != nil {
		return check("memory", "", err)
	}
	defer func() {
		if err := index.Close(); err != nil && h.OK {
			h = check("memory", "", err)
		}
	}()
	records := v.Store(st)
	return check("memory", wholeIndex, checkMemory(ctx, recall.Checking{Records: records, Index: v.Memory(index, records), Orgs: st.KeysetOrgs, Now: time.Now}))
}
