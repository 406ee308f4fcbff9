package auditlog

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/isekai-run/isekai/internal/core"
)

// A checkpoint is a signed note whose text is the log's origin, the tree's size and its root:
// https://c2sp.org/tlog-checkpoint. It shows no entry, and can be given to anybody.

const originPrefix = "isekai/audit/"

// head is what a checkpoint says.
type head struct {
	place
	size int64
	root tlog.Hash
}

func (t *tree) head(of place) head { return head{of, t.size, t.root()} }

// end returns the number of the last row that it is of.
func (h head) end() int64 { return h.after + h.size }

// text is what is signed.
func (h head) text() string {
	return originPrefix + h.place.String() + "\n" + strconv.FormatInt(h.size, 10) + "\n" + h.root.String() + "\n"
}

// note returns the checkpoint with a signature as an event has it.
func (h head) note(name, signature string) []byte {
	return []byte(h.text() + "\n\u2014 " + name + " " + signature + "\n")
}

// sign returns the signature in the form that events have it: what a note has after the
// signer's name.
func (h head) sign(s note.Signer) (string, error) {
	sig, err := s.Sign([]byte(h.text()))
	if err != nil {
		return "", fmt.Errorf("auditlog.sign: %w", err)
	}
	id := s.KeyHash()
	return base64.StdEncoding.EncodeToString(append([]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, sig...)), nil
}

// signed reports whether one of the keys has signed it.
func (h head) signed(signature string, keys note.Verifiers) bool {
	_, err := note.Open(h.note(signerName, signature), keys)
	return err == nil
}

// openCheckpoint returns what a checkpoint says, if one of the keys has signed it.
func openCheckpoint(checkpoint []byte, keys note.Verifiers) (head, error) {
	bad := func(why string, err error) (head, error) {
		return head{}, core.E(core.Invalid, "auditlog.checkpoint", why).Because(err)
	}
	n, err := note.Open(checkpoint, keys)
	if err != nil {
		return bad("the checkpoint isn't signed by a key of this installation", err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], originPrefix) {
		return bad("the note isn't a checkpoint of an audit log", nil)
	}
	var h head
	if h.place, err = parsePlace(strings.TrimPrefix(lines[0], originPrefix)); err == nil {
		h.size, err = strconv.ParseInt(lines[1], 10, 64)
	}
	if err == nil {
		h.root, err = tlog.ParseHash(lines[2])
	}
	if err != nil || h.size < 0 || h.text() != n.Text {
		return bad("the note isn't a checkpoint of an audit log", err)
	}
	return h, nil
}

// Checkpoint returns a checkpoint of the log as it is now, and keeps it. Sent elsewhere, it
// shows later that nothing was taken away since. An empty log has one, too.
func (l *Log) Checkpoint(ctx context.Context, org core.OrgID) ([]byte, error) {
	c := l.chain(org)
	if err := c.turn.take(ctx); err != nil {
		return nil, err
	}
	defer c.turn.end()
	if err := c.refresh(ctx); err != nil {
		return nil, err
	}
	keys, err := l.key.get(ctx)
	if err != nil {
		return nil, err
	}
	h := c.tree.head(c.place())
	signature, err := h.sign(keys.signer)
	if err != nil {
		return nil, err
	}
	checkpoint := h.note(signerName, signature)
	return checkpoint, l.keep(ctx, h, checkpoint)
}
