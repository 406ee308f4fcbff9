package h1

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// simple reports whether a request is for this package, and not for the other transport.
func simple(r *http.Request) bool {
	if r.URL == nil || r.URL.Scheme != "http" || r.Method == http.MethodConnect || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 {
		return false
	}
	return empty(r) || r.ContentLength > 0 && r.GetBody != nil
}

func empty(r *http.Request) bool { return r.Body == nil || r.Body == http.NoBody }

// repeatable reports whether a request may be sent again though it may have been done
// (RFC 9110, section 9.2.2).
func repeatable(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, key := r.Header["Idempotency-Key"]
	_, xkey := r.Header["X-Idempotency-Key"]
	return key || xkey
}

// address is where a request goes: host and port. Connections are kept by it.
func address(u *url.URL) string {
	host, err := httpguts.PunycodeHostPort(u.Host)
	if err != nil {
		host = u.Host
	}
	if u.Port() != "" {
		return host
	}
	host = (&url.URL{Host: host}).Hostname()
	return net.JoinHostPort(host, "80")
}

// appendHeader appends a request's header as it is sent. It refuses what a server could read
// as anything but one request to one host: an error says what.
func appendHeader(b []byte, r *http.Request) ([]byte, error) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	target, host := r.URL.RequestURI(), hostOf(r)
	switch {
	case !httpguts.ValidHeaderFieldName(method): // both are tokens
		return b, fmt.Errorf("h1: invalid method %q", method)
	case strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return b, errors.New("h1: space or control character in the request's address")
	case r.URL.Host == "" || host == "" || !httpguts.ValidHostHeader(host):
		return b, errors.New("h1: no valid host in the request's address")
	}
	b = append(append(append(b, method...), ' '), target...)
	b = append(append(b, " HTTP/1.1\r\nHost: "...), host...)
	b = append(b, "\r\n"...)
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) {
			return b, fmt.Errorf("h1: invalid header name %q", name)
		}
		if ours(name) {
			continue
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return b, fmt.Errorf("h1: invalid value of header %q", name) // which may be a secret
			}
			b = append(append(append(b, name...), ": "...), textproto.TrimString(v)...)
			b = append(b, "\r\n"...)
		}
	}
	if r.Close {
		b = append(b, "Connection: close\r\n"...)
	}
	if n := length(r); n > 0 || method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
		b = strconv.AppendInt(append(b, "Content-Length: "...), n, 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

func length(r *http.Request) int64 {
	if empty(r) {
		return 0
	}
	return r.ContentLength
}

// hostOf is a request's Host header: without the zone of an IPv6 address, which is this machine's.
func hostOf(r *http.Request) string {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	host, err := httpguts.PunycodeHostPort(host)
	if err != nil {
		return ""
	}
	if strings.HasPrefix(host, "[") {
		if end := strings.LastIndexByte(host, ']'); end > 0 {
			if zone := strings.LastIndexByte(host[:end], '%'); zone > 0 {
				host = host[:zone] + host[end:]
			}
		}
	}
	return host
}

// ours reports whether a header, in whatever case, isn't a caller's to send: it is about the
// connection (RFC 9110, section 7.6.1), or about where the request goes and ends, which is
// written from its fields. One that is only named by Connection is sent: a caller can't
// have a credential taken away by naming its header there.
func ours(name string) bool {
	switch len(name) {
	case 2:
		return strings.EqualFold(name, "TE")
	case 4:
		return strings.EqualFold(name, "Host")
	case 7:
		return strings.EqualFold(name, "Trailer") || strings.EqualFold(name, "Upgrade")
	case 10:
		return strings.EqualFold(name, "Connection") || strings.EqualFold(name, "Keep-Alive")
	case 14:
		return strings.EqualFold(name, "Content-Length")
	case 17:
		if strings.EqualFold(name, "Transfer-Encoding") {
			return true
		}
	}
	return len(name) > 6 && strings.EqualFold(name[:6], "Proxy-")
}
