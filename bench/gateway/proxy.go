//go:build linux

package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
)

const roleProxy = "proxy"

// serveProxy is httputil.ReverseProxy as somebody would tune it who only wants to pass
// requests on: connections are kept, buffers reused, nothing logged or decompressed.
// It flushes streams by itself: their length isn't known.
func serveProxy(address, upstream string) error {
	to, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	p := &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:  &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
		BufferPool: &buffers{},
		ErrorLog:   log.New(io.Discard, "", 0),
	}
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Else the server closes the request's body as the answer begins, and the transport,
		// which may still look for its end, gives the connection up: one stream in a thousand
		// would break.
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		p.ServeHTTP(w, r)
	}))
}

// buffers are those that a ReverseProxy copies bodies with.
type buffers struct{ pool sync.Pool }

// Get returns a buffer.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

// Put takes one back.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

func startProxy(_ context.Context, shop *workshop) (*contender, error) {
	return shop.start(nil, func(address string) []string {
		return []string{shop.self, roleProxy, address, shop.upstream.url}
	})
}

// startDirect is the upstream itself: what all others add to.
func startDirect(_ context.Context, shop *workshop) (*contender, error) {
	return &contender{url: shop.upstream.url, process: shop.upstream.process}, nil
}
