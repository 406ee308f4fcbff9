package kafka

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/isekai-run/isekai/internal/core"
)

// translate gives an error of the client library a code; one of ours has its own.
func translate(op string, err error) error {
	e := &core.Error{
		Code: core.Unavailable, Op: op, Msg: "Kafka didn't take it", Err: err,
		Hint: "see that the brokers run and can be reached; if they do, check TLS and the credentials",
	}
	var ours *core.Error
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &ours):
		return err
	case errors.As(err, &untrusted):
		e.Msg, e.Hint = "the brokers' certificate can't be trusted", "name the authority (CA) that has signed it, and the brokers by a name that is in it"
	case errors.Is(err, context.Canceled):
		e.Code, e.Msg, e.Hint = core.Canceled, "", ""
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		e.Code, e.Msg, e.Hint = core.Invalid, "an event is too large", "raise the topic's max.message.bytes"
	case errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedSaslMechanism):
		e.Code, e.Msg, e.Hint = core.Unauthenticated, "the brokers refuse our credentials", "check the user, the password and the mechanism"
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		e.Code, e.Msg, e.Hint = core.Denied, "the brokers don't allow it", "allow our user to read and write the topics and the groups"
	}
	return e
}

// refused is the error for options that the client library doesn't take.
func refused(err error) error {
	return core.E(core.Invalid, "kafka", "the configuration can't be right").Because(err)
}
