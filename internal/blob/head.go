package blob

import (
	"context"
	"io"

	"github.com/isekai-run/isekai/internal/core"
)

// Head returns up to limit bytes from the beginning of a blob, and how long all of it
// is. It reads all of it: what a blob holds counts only when it was compared with the
// digest, which is at its end.
func Head(ctx context.Context, s Store, org core.OrgID, d core.Digest, limit int64) (b []byte, size int64, err error) {
	r, err := s.Open(ctx, org, d)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = r.Close() }()
	if b, err = io.ReadAll(io.LimitReader(r, limit)); err != nil {
		return nil, 0, err
	}
	rest, err := io.Copy(io.Discard, r)
	if err != nil {
		return nil, 0, err
	}
	return b, int64(len(b)) + rest, nil
}
