package ns

import (
	"io"
	"os"
	"sync"

	"github.com/isekai-run/isekai/internal/sandbox"
)

// pipes are a command's pipes: ours and the command's ends.
type pipes struct {
	command                  sandbox.Command
	result, out, errs, stdin *os.File
	far                      []*os.File // result, stdin unless empty, stdout, stderr
}

func (b *box) openPipes(c sandbox.Command) (p *pipes, err error) {
	p = &pipes{command: c}
	defer func() {
		if err != nil {
			p.close()
			p.closeTheirs()
		}
	}()
	for _, end := range []**os.File{&p.result, &p.stdin, &p.out, &p.errs} {
		if end == &p.stdin && c.Stdin == nil {
			continue
		}
		r, w, err := os.Pipe()
		if err != nil {
			return p, err
		}
		near, far := r, w
		if end == &p.stdin {
			near, far = w, r
		}
		*end, p.far = near, append(p.far, far)
		if b.d.root && end != &p.result { // so that /dev/stdout can be opened
			if err := far.Chown(b.d.uid(b.slot), b.d.uid(b.slot)); err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

func (p *pipes) theirs() (fds []int) {
	for _, f := range p.far {
		fds = append(fds, int(f.Fd()))
	}
	return fds
}

func (p *pipes) closeTheirs() {
	for _, f := range p.far {
		f.Close()
	}
}

func (p *pipes) close() {
	for _, f := range []*os.File{p.result, p.stdin, p.out, p.errs} {
		if f != nil {
			f.Close()
		}
	}
}

// copy moves output until the command's ends are closed, and input until the command
// or the input ends. stop is called once output passes limit (negative: never) or a
// writer fails; what comes after is dropped. The input's reader isn't waited for: it
// may never return.
func (p *pipes) copy(limit int64, stop func(sandbox.Reason, error)) *sync.WaitGroup {
	if p.stdin != nil {
		go func() {
			_, _ = io.Copy(p.stdin, p.command.Stdin)
			p.stdin.Close()
		}()
	}
	m := &meter{left: limit, bounded: limit >= 0, stop: stop}
	var wg sync.WaitGroup
	wg.Go(func() { m.copy(p.command.Stdout, p.out) })
	wg.Go(func() { m.copy(p.command.Stderr, p.errs) })
	return &wg
}

// meter bounds what two streams give together, and keeps their writes apart, since
// the caller may have given one writer for both.
type meter struct {
	mu      sync.Mutex
	left    int64
	bounded bool
	done    bool
	stop    func(sandbox.Reason, error)
}

func (m *meter) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		m.write(to, buf[:n])
		if err != nil {
			return
		}
	}
}

func (m *meter) write(to io.Writer, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done {
		return
	}
	over := m.bounded && int64(len(data)) > m.left
	if over {
		data = data[:m.left]
	}
	m.left -= int64(len(data))
	if to != nil && len(data) > 0 {
		if _, err := to.Write(data); err != nil {
			m.done = true
			m.stop(sandbox.KilledOff, err)
			return
		}
	}
	if over {
		m.done = true
		m.stop(sandbox.TooMuch, nil)
	}
}
