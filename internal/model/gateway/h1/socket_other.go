//go:build !unix

package h1

import "net"

// socket does to a connection what mustn't wait. Here there is none: each call has a
// connection of its own, and a goroutine that writes.
type socket struct{}

func newSocket(net.Conn) *socket { return nil }

func (*socket) quiet() bool { return false }

func (*socket) write([]byte) int { return 0 }
