package sqlite

import "context"

// Reclaim ends every lease, so that the work is claimable now. It is for a
// process that knows itself alone with the file, at its start: whoever held a
// lease is dead, and its work needn't wait until the lease runs out.
func (s *Store) Reclaim(ctx context.Context) error {
	return s.write(ctx, "store.reclaim", func(t *tx) error {
		// One pass over the queue, which is short, once in a process's life.
		_, err := t.change(`UPDATE work SET token = 0, worker = '', due = ? WHERE token <> 0`, micros(s.now()))
		return err
	})
}
