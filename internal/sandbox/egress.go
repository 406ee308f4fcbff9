package sandbox

import (
	"context"
	"net"
	"time"
)

// Egress is what a box may reach outside. There is one way: an HTTP proxy at ProxyAddress
// in the box, served from outside of it, which connects to what is allowed by name and
// tells an observer. Nothing else leads out: no route, no resolver, no other socket.
//
// The proxy takes CONNECT and plain HTTP. It doesn't look into TLS, but a TLS client that
// names another host (SNI) than its CONNECT did is refused. That is the best effort: whoever
// is behind an allowed host can pass on what it is sent. It adds no credential.
type Egress struct {
	Allow []Destination // at least one
	Open  int           // connections at once; the box waits for more. 0: 64
	Rate  int           // new connections a second, after a burst of four seconds' worth; the box waits for more. 0: 64
	Bytes int64         // of all connections together, both ways; then they are cut. 0: 2 GiB
	// Observe is told of each connection when it has ended, and of each that was refused; of
	// all when Kill has returned. It is called concurrently and must not block. nil: nobody.
	Observe func(Connection)
}

// DefaultEgress are the bounds of an Egress that names none.
var DefaultEgress = Egress{Open: 64, Rate: 64, Bytes: 2 << 30}

// OrDefault returns e with every zero bound replaced by the default.
func (e Egress) OrDefault() Egress {
	setDefault(&e.Open, DefaultEgress.Open)
	setDefault(&e.Rate, DefaultEgress.Rate)
	setDefault(&e.Bytes, DefaultEgress.Bytes)
	return e
}

// Outlet connects to a host and port for boxes with Egress. platform gives one to drivers: it
// resolves the name, refuses addresses that nobody may reach, and connects to one that it has
// looked at, so that an allowed name leads nowhere else. The host is lower-case ASCII or an
// address, and allowed by the box's Egress. Errors: denied, not_found, unavailable.
type Outlet func(ctx context.Context, host string, port uint16) (net.Conn, error)

// Connection is one that a box has made, or that was refused.
type Connection struct {
	Host           string
	Port           uint16
	Began          time.Time
	Took           time.Duration
	Sent, Received int64 // bytes, by the box and to it
	Err            error // why it was refused, failed or was cut; nil: it ended as connections do
}

// ProxyAddress is where the proxy listens in a box with Egress.
const ProxyAddress = "127.0.0.1:3128"

// RootsFile is where a box has the host's certificates of authorities, if it has any.
const RootsFile = "/etc/ssl/certs/ca-certificates.crt"

// ProxyEnv is what programs in a box with Egress are told of the proxy: the variables that
// curl, git, Python, pip, Go, Node and npm look at. A command's own Env goes before.
func ProxyEnv() map[string]string {
	const proxy, not = "http://" + ProxyAddress, "localhost,127.0.0.1,::1"
	return map[string]string{
		"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "NO_PROXY": not,
		"http_proxy": proxy, "https_proxy": proxy, "all_proxy": proxy, "no_proxy": not,
		"npm_config_proxy": proxy, "npm_config_https_proxy": proxy, "npm_config_noproxy": not,
		"PIP_PROXY": proxy, "CARGO_HTTP_PROXY": proxy,
		"NODE_USE_ENV_PROXY": "1", // for fetch and node:http, from Node 24 on
		"SSL_CERT_FILE":      RootsFile,
	}
}
