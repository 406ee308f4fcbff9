package gitdir

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"

	"github.com/isekai-run/isekai/internal/core"
)

// sshTransport speaks git over SSH on a connection of the dialer that it is given. go-git's
// own would connect by itself, ask an agent, and read the machine's ssh_config.
type sshTransport struct {
	ctx context.Context
	r   Remote
}

// NewUploadPackSession implements transport.Transport.
func (t sshTransport) NewUploadPackSession(*transport.Endpoint, transport.AuthMethod) (transport.UploadPackSession, error) {
	return t.start(transport.UploadPackServiceName)
}

// NewReceivePackSession implements transport.Transport.
func (t sshTransport) NewReceivePackSession(*transport.Endpoint, transport.AuthMethod) (transport.ReceivePackSession, error) {
	return t.start(transport.ReceivePackServiceName)
}

// sshTime bounds the greeting.
const sshTime = 20 * time.Second

func (t sshTransport) start(service string) (*sshSession, error) {
	client, err := t.connect()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(t.ctx, func() { _ = client.Close() })
	s := &sshSession{client: client, stop: stop, receive: service == transport.ReceivePackServiceName}
	session, err := client.NewSession()
	if err == nil {
		s.in, err = session.StdinPipe()
	}
	if err == nil {
		s.out, err = session.StdoutPipe()
	}
	if err == nil { // the path has no quote: ParseURL sees to it
		err = session.Start(service + " '" + t.r.URL.Path + "'")
	}
	if err != nil {
		_ = s.Close()
		return nil, core.E(core.Unavailable, "git.ssh", "the host doesn't serve git").Because(err)
	}
	return s, nil
}

// connect greets the host, which must have the key that is known of it.
func (t sshTransport) connect() (*ssh.Client, error) {
	u := t.r.URL
	if t.r.Dial == nil {
		return nil, core.E(core.Unsupported, "git.ssh", "there is no way out for SSH")
	}
	if len(t.r.Key) == 0 {
		return nil, core.E(core.Unauthenticated, "git.ssh", "SSH needs a credential that is a private key").WithHint("add the key with isekai secret set, and name it as the credential")
	}
	signer, err := t.r.signer()
	if err != nil {
		return nil, err
	}
	known, algorithms, err := hostKeys(t.r.HostKey)
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(u.Host, strconv.Itoa(u.port()))
	conn, err := t.r.Dial(t.ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(t.ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(sshTime))
	var refused error
	c, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: u.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyAlgorithms: algorithms, Timeout: sshTime,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if !known[string(key.Marshal())] {
				refused = unknownHost(u.Host, key, len(known) > 0)
			}
			return refused
		},
	})
	if err != nil {
		_ = conn.Close()
		if refused != nil {
			return nil, refused
		}
		if strings.Contains(err.Error(), "unable to authenticate") {
			return nil, core.E(core.Unauthenticated, "git.ssh", "the host doesn't take the key").WithHint("add its public part to the account there")
		}
		return nil, core.E(core.Unavailable, "git.ssh", "the host doesn't greet as it should").Because(err)
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, channels, requests), nil
}

func (r Remote) signer() (ssh.Signer, error) {
	var signer ssh.Signer
	var err error
	if len(r.Passphrase) > 0 {
		signer, err = ssh.ParsePrivateKeyWithPassphrase(r.Key, r.Passphrase)
	} else {
		signer, err = ssh.ParsePrivateKey(r.Key)
	}
	if err != nil { // it may quote the key
		return nil, core.E(core.Invalid, "git.ssh", "the credential isn't a private key that can be read, or its passphrase is another")
	}
	return signer, nil
}

// hostKeys reads keys in the form of a public key file, or of known_hosts.
func hostKeys(text string) (known map[string]bool, algorithms []string, err error) {
	known = map[string]bool{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		for len(fields) > 2 && !strings.HasPrefix(fields[0], "ssh-") && !strings.HasPrefix(fields[0], "ecdsa-") {
			fields = fields[1:] // the hosts of known_hosts
		}
		if len(fields) < 2 {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(fields[0] + " " + fields[1]))
		if err != nil {
			return nil, nil, core.E(core.Invalid, "git.ssh", "the host's key can't be read").WithHint("give a line of ssh-keyscan HOST, checked by what the host publishes")
		}
		known[string(key.Marshal())] = true
		if key.Type() == ssh.KeyAlgoRSA {
			algorithms = append(algorithms, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		} else {
			algorithms = append(algorithms, key.Type())
		}
	}
	return known, algorithms, nil
}

// CheckHostKey returns an invalid error for text that is no host key.
func CheckHostKey(text string) error {
	known, _, err := hostKeys(text)
	if err == nil && len(known) == 0 {
		err = core.E(core.Invalid, "git.ssh", "the host's key can't be read").WithHint("give a line of ssh-keyscan HOST, checked by what the host publishes")
	}
	return err
}

func unknownHost(host string, key ssh.PublicKey, another bool) error {
	why := "the key of " + host + " isn't known"
	if another {
		why = "the key of " + host + " isn't the one that is known: somebody may be in between"
	}
	return core.E(core.Denied, "git.ssh", why).WithHint("its fingerprint is " + ssh.FingerprintSHA256(key) + "; if that is what the host publishes, give as host_key: " +
		strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))))
}

// sshSession is one run of git's program on the host.
type sshSession struct {
	client *ssh.Client
	stop   func() bool
	in     io.WriteCloser
	out    io.Reader
	adv    *packp.AdvRefs
	// receive is of a push, to which an empty repository is no problem.
	receive bool
}

// AdvertisedReferences implements transport.Session.
func (s *sshSession) AdvertisedReferences() (*packp.AdvRefs, error) {
	return s.AdvertisedReferencesContext(context.Background())
}

// AdvertisedReferencesContext implements transport.Session.
func (s *sshSession) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	if s.adv != nil {
		return s.adv, nil
	}
	adv := packp.NewAdvRefs()
	switch err := adv.Decode(s.out); {
	case errors.Is(err, packp.ErrEmptyAdvRefs) && s.receive:
	case errors.Is(err, packp.ErrEmptyAdvRefs):
		return nil, transport.ErrEmptyRemoteRepository
	case errors.Is(err, packp.ErrEmptyInput):
		return nil, transport.ErrRepositoryNotFound
	case err != nil:
		return nil, err
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	s.adv = adv
	return adv, nil
}

// UploadPack implements transport.UploadPackSession.
func (s *sshSession) UploadPack(_ context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	if req.IsEmpty() {
		return nil, transport.ErrEmptyUploadPackRequest
	}
	err := req.UploadRequest.Encode(s.in)
	if err == nil {
		err = req.UploadHaves.Encode(s.in, false)
	}
	if err == nil {
		err = pktline.NewEncoder(s.in).Encodef("done\n")
	}
	if err = errors.Join(err, s.in.Close()); err != nil {
		return nil, err
	}
	resp := packp.NewUploadPackResponse(req)
	return resp, resp.Decode(io.NopCloser(s.out))
}

// ReceivePack implements transport.ReceivePackSession.
func (s *sshSession) ReceivePack(_ context.Context, req *packp.ReferenceUpdateRequest) (*packp.ReportStatus, error) {
	if err := errors.Join(req.Encode(s.in), s.in.Close()); err != nil {
		return nil, err
	}
	report := packp.NewReportStatus()
	if err := report.Decode(s.out); err != nil {
		return nil, err
	}
	return report, report.Error()
}

// Close implements io.Closer.
func (s *sshSession) Close() error {
	s.stop()
	return s.client.Close()
}
