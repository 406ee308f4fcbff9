package main

import (
	"io"
	"net"
	"os"
	"time"
)

// reachAttacks connect to somebody.
func reachAttacks() map[string]attack {
	return map[string]attack{"dial": dial, "route": route, "serve": serve, "listen-abstract": listenAbstract}
}

// dialPatience is long for a machine's own address, and not too long for a test.
const dialPatience = 2 * time.Second

// dial connects to each "network address" pair in args.
func dial(r report, args []string) {
	for i := 0; i+1 < len(args); i += 2 {
		try := "connect to " + args[i] + " " + args[i+1]
		c, err := net.DialTimeout(args[i], args[i+1], dialPatience)
		if err != nil {
			r.refused(try, err.Error())
			continue
		}
		_ = c.Close() // connected: that is all
		r.done(try, "connected")
	}
}

// route asks whether there is a way to each address in args: connecting a
// datagram socket looks the route up and sends nothing.
func route(r report, args []string) {
	for _, address := range args {
		c, err := net.Dial("udp", address)
		if err != nil {
			r.refused("find a route to "+address, err.Error())
			continue
		}
		_ = c.Close() // no packet was sent
		r.done("find a route to "+address, "from "+c.LocalAddr().String())
	}
}

// serve listens on the address args[0] ("127.0.0.1:0") and echoes. It is what
// the conformance suite dials.
func serve(r report, args []string) {
	l, err := net.Listen("tcp", args[0])
	must(err)
	r.done("listen", l.Addr().String())
	for {
		c, err := l.Accept()
		must(err)
		go func() {
			defer c.Close()
			_, _ = io.Copy(c, c) // the other side sees what was lost
		}()
	}
}

// listenAbstract listens on the abstract unix socket args[0] until stdin ends.
func listenAbstract(r report, args []string) {
	l, err := net.Listen("unix", args[0])
	must(err)
	r.done("listen", l.Addr().String())
	_, _ = io.Copy(io.Discard, os.Stdin) // its end is what counts
}
