package vault

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

const (
	transitOp         = "vault.transit"
	maxTransitAnswer  = 4 << 20 // bytes
	maxTransitMessage = 200     // bytes of the server's own words
)

// transitData is what an answer holds; the rest of it isn't used.
type transitData struct {
	Ciphertext string `json:"ciphertext"`
	Plaintext  string `json:"plaintext"`
}

// pathPart is what the names of a mount and a key may have.
var pathPart = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)

func (c TransitConfig) check() error {
	u, err := url.Parse(c.Address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return core.E(core.Invalid, transitOp, "the address isn't one").WithHint("write it as https://vault.example:8200")
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return core.E(core.Invalid, transitOp, "the master key would travel in the clear").WithHint("use https; http is for a server on this machine")
	case !pathPart.MatchString(c.Mount) || !pathPart.MatchString(c.Key) || strings.Contains(c.Mount+c.Key, "..") || strings.Contains(c.Key, "/"):
		return core.E(core.Invalid, transitOp, "the mount or the key has a name that can't be")
	case c.Token == nil:
		return core.E(core.Invalid, transitOp, "there is no token").WithHint("name the file or the variable that has it")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func transitClient(cfg TransitConfig) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, core.E(core.Invalid, transitOp, "can't read the authority's certificate").Because(err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, core.E(core.Invalid, transitOp, cfg.CAFile+" has no certificate").WithHint("it must be PEM")
		}
	}
	return &http.Client{
		Transport: transport, Timeout: cfg.Timeout,
		// The token would go wherever a redirect leads.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// exchange is one try.
func (t *Transit) exchange(ctx context.Context, verb string, body map[string]string) (data transitData, err error) {
	token, err := t.cfg.Token()
	if err != nil || token == "" {
		return data, core.E(core.Denied, transitOp, "there is no token").WithHint("check the file or the variable that should have it").Because(err)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return data, core.E(core.Internal, transitOp, "can't encode the request").Because(err)
	}
	u := strings.TrimSuffix(t.cfg.Address, "/") + "/v1/" + t.cfg.Mount + "/" + verb + "/" + t.cfg.Key
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u, bytes.NewReader(b))
	if err != nil {
		return data, core.E(core.Invalid, transitOp, "can't make the request").Because(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Vault-Request", "true") // an agent may insist on it
	r.Header.Set("X-Vault-Token", token)
	if t.cfg.Namespace != "" {
		r.Header.Set("X-Vault-Namespace", t.cfg.Namespace)
	}
	resp, err := t.client.Do(r)
	if err != nil {
		return data, unreached(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxTransitAnswer+1))
	switch {
	case err != nil:
		return data, unreached(ctx, err)
	case len(text) > maxTransitAnswer:
		return data, core.E(core.Internal, transitOp, "the answer is too long")
	case resp.StatusCode != http.StatusOK:
		return data, t.refused(verb, resp.StatusCode, text)
	}
	var answer struct {
		Data transitData `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return data, core.E(core.Internal, transitOp, "the answer isn't one of a transit engine").
			WithHint("check that the address is that of a Vault or OpenBao server") // without err, which could quote it
	}
	return answer.Data, nil
}

// unreached says that there was no answer. What ended ctx keeps its own code.
func unreached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return core.E(core.Denied, transitOp, "the server's certificate isn't trusted").
			WithHint("name the file with its authority's certificate").Because(err)
	}
	return core.E(core.Unavailable, transitOp, "the server of the master key doesn't answer").
		WithHint("check its address and that it runs").Because(err)
}

// refused translates a status, with the server's own words.
func (t *Transit) refused(verb string, status int, text []byte) error {
	var answer struct {
		Errors []string `json:"errors"`
	}
	_ = json.Unmarshal(text, &answer) // another answer has no words to show
	words := strings.Join(answer.Errors, "; ")
	cause := errors.New("status " + strconv.Itoa(status) + ": " + words[:min(len(words), maxTransitMessage)])
	switch {
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return core.E(core.Denied, transitOp, "the server of the master key denies it").
			WithHint("give the token update on " + t.cfg.Mount + "/encrypt/" + t.cfg.Key + " and decrypt, and renew it if it has expired").Because(cause)
	case status == http.StatusNotFound:
		return core.E(core.Denied, transitOp, "there is no such transit engine or key").WithHint("check the mount, the key's name and the namespace").Because(cause)
	case status == http.StatusBadRequest && verb == "decrypt":
		return wrongMaster(cause)
	case status == http.StatusBadRequest:
		return core.E(core.Invalid, transitOp, "the key can't be the master key").
			WithHint("its type must take associated data: make it of type aes256-gcm96").Because(cause)
	case status == http.StatusTooManyRequests, status == http.StatusPreconditionFailed, status >= 500:
		return core.E(core.Unavailable, transitOp, "the server of the master key can't serve now").
			WithHint("unseal it, or wait").Because(cause)
	case status >= 300 && status < 400:
		return core.E(core.Denied, transitOp, "the server of the master key sends elsewhere").
			WithHint("configure the address of the active node, or let it forward requests").Because(cause)
	}
	return core.E(core.Internal, transitOp, "the server of the master key gives an unknown answer").Because(cause)
}
