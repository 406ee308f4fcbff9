package platform

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Nodes say how the nodes of an installation reach and know each other: at addresses of
// their own, by certificates of an authority that is the installation's own. All of it, or
// none.
type Nodes struct {
	Listen   string `koanf:"listen" json:"listen"`   // host:port for other nodes alone
	Address  string `koanf:"address" json:"address"` // host:port at which others reach it; the certificate is for that host
	CAFile   string `koanf:"ca_file" json:"ca_file"` // PEM; may hold a second one while the authority changes
	CertFile string `koanf:"cert_file" json:"cert_file"`
	KeyFile  string `koanf:"key_file" json:"key_file"`
}

// on reports whether the nodes reach each other.
func (n Nodes) on() bool { return n != Nodes{} }

func (n Nodes) check() error {
	const op = "config"
	if !n.on() {
		return nil
	}
	for _, s := range []string{n.Listen, n.Address, n.CAFile, n.CertFile, n.KeyFile} {
		if s == "" {
			return core.E(core.Invalid, op, "nodes.listen, nodes.address, nodes.ca_file, nodes.cert_file and nodes.key_file need each other").
				WithHint("isekai node issue makes the files")
		}
	}
	if _, port, err := net.SplitHostPort(n.Listen); err != nil || !isPort(port) {
		return core.E(core.Invalid, op, "nodes.listen isn't host:port").WithHint("as in 10.0.0.1:7780")
	}
	if host, port, err := net.SplitHostPort(n.Address); err != nil || !isPort(port) || !isHost(host) {
		return core.E(core.Invalid, op, "nodes.address isn't host:port").WithHint("as in node-1.internal.example.com:7780, or 10.0.0.1:7780")
	}
	return nil
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && n < 1<<16
}

// isHost reports whether others can ask for it, and a certificate be of it.
func isHost(s string) bool {
	return net.ParseIP(s) != nil || hostName.MatchString(s) || s == "localhost"
}

// checkNodes: nodes that keep to themselves have no others.
func (c Config) checkNodes() error {
	if c.Nodes.on() && c.Store.URL == "" {
		return core.E(core.Invalid, "config", "nodes are of no use without store.url").WithHint("nodes of an installation share a PostgreSQL; leave nodes out for one that is alone")
	}
	return c.Nodes.check()
}

// tls returns what a node is served with by another, and what it asks with: each shows its
// certificate and takes nobody without one. A change of the node's certificate is noticed;
// one of the authority takes a start.
func (n Nodes) tls(log *slog.Logger) (server, client *tls.Config, err error) {
	pool, err := readPool(n.CAFile)
	if err != nil {
		return nil, nil, err
	}
	own, err := newCertificate(n.CertFile, n.KeyFile, log)
	if err != nil {
		return nil, nil, err
	}
	if host, _, err := net.SplitHostPort(n.Address); err == nil {
		if err := own.now().Leaf.VerifyHostname(host); err != nil {
			return nil, nil, core.E(core.Invalid, "nodes", "the certificate in "+n.CertFile+" isn't for "+host+", the host of nodes.address").
				Because(err).WithHint("isekai node issue NAME --replace --host " + host + " makes one")
		}
	}
	server = &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.now(), nil },
	}
	client = &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: pool,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own.now(), nil },
	}
	return server, client, nil
}

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	nodeLife      = 90 * 24 * time.Hour
	clockSkew     = 5 * time.Minute
)

// The names of files that issueNode writes.
const (
	authorityCert = "ca.crt"
	authorityKey  = "ca.key"
)

// nodeName is what a node's certificate may be called.
var nodeName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// issueNode writes the certificate and the key of a node, name.crt and name.key, into
// folder, for the hosts at which others reach it, and until when it is good. The authority
// is ca.crt and ca.key of the same folder, which it makes if they aren't there: ca.key
// signs whoever is to be a node, so it stays on the machine where nodes are issued.
// conflict: the node has a certificate there; again replaces it.
func issueNode(folder, name string, hosts []string, again bool, now time.Time) (until time.Time, err error) {
	const op = "node.issue"
	if !nodeName.MatchString(name) || name+".key" == authorityKey {
		return until, core.E(core.Invalid, op, strconv.Quote(name)+" can't be a node's name").WithHint("use small letters, digits and dashes")
	}
	if len(hosts) == 0 {
		return until, core.E(core.Invalid, op, "a node without a host").WithHint("name the hosts and addresses at which other nodes reach it")
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name, Organization: []string{"Isekai node"}}, NotBefore: now.Add(-clockSkew), NotAfter: now.Add(nodeLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range hosts {
		switch ip := net.ParseIP(h); {
		case !isHost(h):
			return until, core.E(core.Invalid, op, h+" is no name or address").WithHint("as in node-1.internal.example.com or 10.0.0.1")
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		default:
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	cert, key := filepath.Join(folder, name+".crt"), filepath.Join(folder, name+".key")
	if exists(cert) && !again {
		return until, core.E(core.Conflict, op, name+" has a certificate in "+folder).WithHint("--replace makes another in its place")
	}
	authority, signer, err := openAuthority(folder, now)
	if err != nil {
		return until, err
	}
	if template.NotAfter.After(authority.NotAfter) {
		template.NotAfter = authority.NotAfter
	}
	return template.NotAfter, writePair(cert, key, template, authority, signer)
}

// openAuthority reads the authority of a folder, or makes it.
func openAuthority(folder string, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	const op = "node.issue"
	cert, key := filepath.Join(folder, authorityCert), filepath.Join(folder, authorityKey)
	if !exists(cert) && !exists(key) {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, nil, diskError(op, folder, err)
		}
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: "Isekai nodes"}, NotBefore: now.Add(-clockSkew), NotAfter: now.Add(authorityLife),
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		}
		if err := writePair(cert, key, template, nil, nil); err != nil {
			return nil, nil, err
		}
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, nil, core.E(core.Invalid, op, "the authority in "+folder+" can't be used").Because(err).WithHint("it is " + authorityCert + " and " + authorityKey + "; restore both, or issue all nodes anew in another folder")
	}
	signer, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA || now.After(pair.Leaf.NotAfter) {
		return nil, nil, core.E(core.Invalid, op, "the certificate in "+cert+" isn't one of an authority, or has expired").WithHint("issue all nodes anew in another folder")
	}
	return pair.Leaf, signer, nil
}

// writePair makes a key, signs its certificate, by itself if there is no parent, and
// writes both.
func writePair(cert, key string, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) error {
	const op = "node.issue"
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return core.E(core.Internal, op, "can't make a key").Because(err)
	}
	if parent == nil {
		parent, signer = template, own
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return core.E(core.Internal, op, "can't make a number").Because(err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &own.PublicKey, signer)
	if err != nil {
		return core.E(core.Internal, op, "can't sign").Because(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return core.E(core.Internal, op, "can't write a key").Because(err)
	}
	return errors.Join(writePEM(key, "PRIVATE KEY", secret, 0o600), writePEM(cert, "CERTIFICATE", der, 0o644))
}

// writePEM puts a file where it wasn't, or in place of one at once.
func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	next := path + ".new"
	err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return diskError("node.issue", path, err)
	}
	return nil
}
