package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/isekai-run/isekai/internal/core"
)

var errSlow = errors.New("PostgreSQL didn't answer in time")

// translate gives an error of the driver's its code, and a hint where a person can
// help. An error that has a code already stays as it is.
func translate(op string, err error) error {
	var known *core.Error
	var e *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, puddle.ErrClosedPool):
		return closed()
	case errors.Is(err, context.Canceled):
		return core.E(core.Canceled, op, "canceled").Because(err)
	case errors.As(err, &e):
		return translateCode(op, e)
	case errors.Is(err, context.DeadlineExceeded):
		return core.E(core.Unavailable, op, "the time was up").Because(err)
	case disconnected(err):
		return core.E(core.Unavailable, op, "no connection to PostgreSQL").
			WithHint("check that PostgreSQL runs and can be reached, then try again").Because(err)
	}
	return core.E(core.Internal, op, "the database failed").Because(err)
}

// disconnected reports whether err is that of a connection, not the server's answer.
func disconnected(err error) bool {
	var network net.Error
	return err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && (errors.As(err, new(*pgconn.ConnectError)) || errors.As(err, &network) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed"))
}

// unknown reports whether a transaction that failed with err may have been committed.
func unknown(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return strings.HasPrefix(e.Code, "57P0") || strings.HasPrefix(e.Code, "08") || e.Code == "40003"
	}
	return !pgconn.SafeToRetry(err) && !errors.As(err, new(*pgconn.ConnectError))
}

// translateCode maps an SQLSTATE (PostgreSQL's documentation, appendix A).
func translateCode(op string, e *pgconn.PgError) error {
	code, msg, hint := core.Internal, "the database failed", ""
	switch e.Code {
	case "28P01", "28000":
		code, msg, hint = core.Unauthenticated, "PostgreSQL doesn't let this user in", "check user and password in the URL, and pg_hba.conf"
	case "42501":
		code, msg, hint = core.Denied, "the role isn't allowed to", "set the database up as its owner: isekai db migrate"
	case "3D000":
		code, msg, hint = core.Unavailable, "there is no such database", "create it, or correct the URL"
	case "42P01", "3F000", "42883", "42703":
		code, msg, hint = core.Unavailable, "the schema isn't there, or is an old one", "set the database up as its owner: isekai db migrate"
	case "42704":
		code, msg, hint = core.Invalid, "PostgreSQL doesn't know a setting that the URL names", "correct the URL; what PostgreSQL doesn't know, stands in the message"
	case "53100":
		code, msg, hint = core.Exhausted, "the disk of PostgreSQL is full", "free space there, then try again; nothing that was stored is lost"
	case "53200":
		code, msg, hint = core.Exhausted, "PostgreSQL is out of memory", "try again; give it more memory"
	case "53300":
		code, msg, hint = core.Unavailable, "PostgreSQL has no connection left", "raise max_connections, or lower the store's"
	case "57014":
		code, msg, hint = core.Unavailable, "it took PostgreSQL too long", "try again"
	case "40001", "40P01", "55P03":
		code, msg, hint = core.Unavailable, "another transaction is in the way", "try again"
	case "25006":
		code, msg, hint = core.Unavailable, "this PostgreSQL is read-only", "give the URL of the primary"
	case "XX001", "XX002":
		code, msg, hint = core.Unavailable, "the database is damaged", "keep a copy of it, then restore the latest backup"
	case "23514", "54000", "54023":
		code, msg = core.Invalid, "not fit to be stored"
	default:
		switch e.Code[:min(2, len(e.Code))] {
		case "22":
			code, msg = core.Invalid, "not fit to be stored"
		case "08", "57", "53", "58":
			code, msg, hint = core.Unavailable, "PostgreSQL can't serve this now", "try again; see the log of PostgreSQL"
		}
	}
	return core.E(code, op, msg).WithHint(hint).Because(e)
}
