package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// connect serves a CONNECT: a tunnel to its host.
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	up, err := p.open(r.Context(), r.RequestURI)
	if err != nil {
		refuse(w, err)
		return
	}
	defer up.Close()
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(p.ctx, func() { up.fail(errClosed); conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	p.tunnel(&client{conn, buf.Reader}, up)
}

var errClosed = errors.New("the box has ended")

// client is the box's end of a tunnel, of which the server has read a part.
type client struct {
	net.Conn
	in *bufio.Reader
}

func (c *client) Read(b []byte) (int, error) { return c.in.Read(b) }

// tunnel copies both ways until both have ended, or one has failed.
func (p *Proxy) tunnel(box *client, up *flow) {
	var both sync.WaitGroup
	cut := func(err error) {
		if err != nil {
			up.fail(err)
			box.Close()
		}
	}
	both.Go(func() {
		_, err := copyBuffered(box, up)
		cut(err)
		_ = closeWrite(box.Conn)
	})
	err := p.sameName(box, up)
	if err == nil {
		_, err = copyBuffered(up, box)
	}
	cut(err)
	_ = closeWrite(up.Conn)
	both.Wait()
}

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// copyBuffered is io.Copy between connections that are no more than that: what counts them
// must see each read and write.
func copyBuffered(to io.Writer, from io.Reader) (int64, error) {
	b := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(b)
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, b[:])
}

// flow is a connection to outside, which counts, and ends where the box has had all its bytes.
type flow struct {
	net.Conn
	proxy          *Proxy
	about          sandbox.Connection
	sent, received atomic.Int64
	once           sync.Once
	why            atomic.Pointer[core.Error] // why we cut it
}

// Read implements io.Reader.
func (f *flow) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	f.received.Add(int64(n))
	if unpaid := f.pay(n); unpaid != nil {
		err = unpaid
	}
	return n, err
}

// Write implements io.Writer.
func (f *flow) Write(b []byte) (int, error) {
	if err := f.pay(len(b)); err != nil {
		return 0, err
	}
	n, err := f.Conn.Write(b)
	f.sent.Add(int64(n))
	return n, err
}

// pay takes n bytes from what the box has left.
func (f *flow) pay(n int) error {
	if f.proxy.left.Add(-int64(n)) >= 0 {
		return nil
	}
	err := spent()
	f.fail(err)
	return err
}

// fail cuts the connection. The first reason of ours is told; that a peer went away isn't one.
func (f *flow) fail(why error) {
	var ours *core.Error
	if errors.As(why, &ours) {
		f.why.CompareAndSwap(nil, ours)
	}
	_ = f.Conn.Close()
}

// Close implements io.Closer, and tells of the connection.
func (f *flow) Close() error {
	err := f.Conn.Close()
	f.once.Do(func() {
		c := f.about
		c.Sent, c.Received = f.sent.Load(), f.received.Load()
		if why := f.why.Load(); why != nil {
			c.Err = why
		}
		f.proxy.tell(c)
		f.proxy.work.Done()
	})
	return err
}
