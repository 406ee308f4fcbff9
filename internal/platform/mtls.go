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
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Nodes say how the nodes of an installation know each other: by certificates of an
// authority that is the installation's own. All three, or none.
type Nodes struct {
	CAFile   string `koanf:"ca_file" json:"ca_file"` // PEM; may hold a second one while the authority changes
	CertFile string `koanf:"cert_file" json:"cert_file"`
	KeyFile  string `koanf:"key_file" json:"key_file"`
}

func (n Nodes) check() error {
	set := 0
	for _, f := range []string{n.CAFile, n.CertFile, n.KeyFile} {
		if f != "" {
			set++
		}
	}
	if set != 0 && set != 3 {
		return core.E(core.Invalid, "config", "nodes.ca_file, nodes.cert_file and nodes.key_file need each other").WithHint("isekai node issue makes all three")
	}
	return nil
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

// issueNode writes the certificate and the key of a node, name.crt and name.key, into
// folder, for the hosts at which others reach it, and until when it is good. The authority
// is ca.crt and ca.key of the same folder, which it makes if they aren't there: ca.key
// signs whoever is to be a node, so it stays on the machine where nodes are issued.
// conflict: the node has a certificate there; again replaces it.
func issueNode(folder, name string, hosts []string, again bool, now time.Time) (until time.Time, err error) {
	const op = "node.issue"
	if !hostName.MatchString(name + ".node") {
		return until, core.E(core.Invalid, op, name+" can't be a node's name").WithHint("use small letters, digits and dashes")
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
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		case hostName.MatchString(h) || h == "localhost":
			template.DNSNames = append(template.DNSNames, h)
		default:
			return until, core.E(core.Invalid, op, h+" is no name or address").WithHint("as in node-1.internal.example.com or 10.0.0.1")
		}
	}
	cert, key := filepath.Join(folder, name+".crt"), filepath.Join(folder, name+".key")
	if exists(cert) && !again {
		return until, core.E(core.Conflict, op, name+" has a certificate in "+folder).WithHint("say that it is to be replaced")
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
