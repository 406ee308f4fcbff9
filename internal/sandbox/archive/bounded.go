package archive

import (
	"context"
	"io"
)

// bounded reads at most left bytes from r, and no more once ctx has ended.
type bounded struct {
	ctx  context.Context
	r    io.Reader
	left int64
	err  error // what ended it, but for the end of r
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.err == nil {
		b.err = b.ctx.Err()
	}
	if b.err != nil {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 { // one more tells the end from too much
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		err = exhausted("the archive unpacks to more than is allowed")
	}
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}
