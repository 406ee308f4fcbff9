package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Who may use a Secure broker's listener, by PLAIN and SCRAM-SHA-512.
const User, Password = "isekai", "correct-horse-battery"

// Secure is a broker with a listener that takes TLS, and a user with a password, alone.
type Secure struct {
	*Broker         // its Addr is another listener, in the clear
	Listener string // host:port
	CA       []byte // the certificate, in PEM, that the listener's is signed with
}

// StartSecure starts a broker for the rest of a test.
func StartSecure(t testing.TB) *Secure {
	t.Helper()
	s := &Secure{}
	b, err := start(s.settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	s.Broker = b
	return s
}

func (s *Secure) settings(b *Broker) (settings, error) {
	ports, err := freePorts(1)
	if err != nil {
		return settings{}, err
	}
	s.Listener = "127.0.0.1:" + ports[0]
	var own []byte
	if s.CA, own, err = Certificates(); err != nil {
		return settings{}, err
	}
	keystore := filepath.Join(b.dir, "listener.pem")
	if err := os.WriteFile(keystore, own, 0o600); err != nil {
		return settings{}, err
	}
	return settings{
		listener: "SECURE://" + s.Listener, protocol: "SASL_SSL",
		properties: fmt.Sprintf(`listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location=%s
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%s="%s";
`, keystore, User, Password),
		format: []string{"--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", User, Password)},
	}, nil
}

// Certificates makes an authority, and a key with a certificate of it for 127.0.0.1, as PEM.
func Certificates() (ca, own []byte, err error) {
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test's authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "broker"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	rootKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	leafKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	rootDER, err1 := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	leafDER, err2 := x509.CreateCertificate(rand.Reader, leaf, root, leafKey.Public(), rootKey)
	keyDER, err3 := x509.MarshalPKCS8PrivateKey(leafKey)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, nil, err
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	own = append(block("PRIVATE KEY", keyDER), block("CERTIFICATE", leafDER)...)
	return block("CERTIFICATE", rootDER), append(own, block("CERTIFICATE", rootDER)...), nil
}
