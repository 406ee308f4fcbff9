package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// tlsHandshake is the type of a TLS record that begins a connection (RFC 8446, section 5.1).
const tlsHandshake = 22

// sameName passes a tunnel's first bytes on. If they begin TLS it reads the whole ClientHello
// first: denied if that names another host (SNI, RFC 6066) than the tunnel is for, or can't be
// read. What isn't TLS, or names nobody, passes.
func (p *Proxy) sameName(box *client, up *flow) error {
	first, err := box.in.Peek(1)
	switch {
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	case first[0] != tlsHandshake:
		return nil
	}
	_ = box.SetReadDeadline(time.Now().Add(HelloTime))
	name, read, err := helloName(box)
	_ = box.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		return core.E(core.Denied, "sandbox.egress", "a TLS handshake can't be read").Because(err)
	case name != "" && !isFor(name, up.about.Host):
		return core.E(core.Denied, "sandbox.egress", "a TLS handshake in a tunnel to "+up.about.Host+" names another host")
	}
	_, err = up.Write(read)
	return err
}

// isFor reports whether a server's name is that of the host. An address has none, so any
// other can't be told from it.
func isFor(name, host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return strings.EqualFold(name, host)
}

var errHeard = errors.New("heard")

// helloName reads a ClientHello. It returns the server's name in it, and all that was read.
// Package tls parses it, and is stopped then: nothing is answered.
func helloName(from net.Conn) (name string, read []byte, err error) {
	e := &eavesdropper{Conn: from}
	heard := false
	err = tls.Server(e, &tls.Config{
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			name, heard = h.ServerName, true
			return nil, errHeard
		},
	}).Handshake()
	if heard {
		err = nil
	}
	return name, e.read.Bytes(), err
}

// eavesdropper keeps what is read, and says nothing.
type eavesdropper struct {
	net.Conn
	read bytes.Buffer
}

func (e *eavesdropper) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	e.read.Write(b[:n])
	return n, err
}

func (e *eavesdropper) Write(b []byte) (int, error) { return len(b), nil }
