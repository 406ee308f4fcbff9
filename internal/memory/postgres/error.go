package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/isekai-run/isekai/internal/core"
)

// translate gives an error of the driver's its code, and a hint where a person can help. An
// error that has a code already stays as it is.
func translate(op string, err error) error {
	var known *core.Error
	var e *pgconn.PgError
	var network net.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, puddle.ErrClosedPool), errors.Is(err, pgx.ErrTxClosed):
		return core.E(core.Unavailable, op, "the index is closed")
	case errors.Is(err, context.Canceled):
		return core.E(core.Canceled, op, "canceled").Because(err)
	case errors.As(err, &e):
		return translateCode(op, e)
	case errors.Is(err, context.DeadlineExceeded):
		return core.E(core.Unavailable, op, "the time was up").Because(err)
	case errors.As(err, &network), errors.As(err, new(*pgconn.ConnectError)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "conn closed"):
		return core.E(core.Unavailable, op, "no connection to PostgreSQL").
			WithHint("check that PostgreSQL runs and can be reached, then try again").Because(err)
	}
	return core.E(core.Internal, op, "the index failed").Because(err)
}

// translateCode maps an SQLSTATE (PostgreSQL's documentation, appendix A).
func translateCode(op string, e *pgconn.PgError) error {
	code, msg, hint := core.Internal, "the index failed", ""
	switch e.Code {
	case "28P01", "28000":
		code, msg, hint = core.Unauthenticated, "PostgreSQL doesn't let this user in", "check user and password in the URL, and pg_hba.conf"
	case "42501":
		code, msg, hint = core.Denied, "the role isn't allowed to", "set the database up as its owner: isekai db migrate"
	case "42P01", "3F000", "42703", "3D000":
		code, msg, hint = core.Unavailable, "the schema of the index isn't there", "start a node with store.migrate_url, or: isekai db migrate"
	case "53100":
		code, msg, hint = core.Exhausted, "the disk of PostgreSQL is full", "free space there, then try again"
	case "57014":
		code, msg, hint = core.Unavailable, "it took PostgreSQL too long", "try again"
	default:
		switch e.Code[:min(2, len(e.Code))] {
		case "22", "54":
			code, msg = core.Invalid, "not fit to be stored"
		case "08", "57", "53", "58", "40", "55", "25":
			code, msg, hint = core.Unavailable, "PostgreSQL can't serve this now", "try again; see the log of PostgreSQL"
		}
	}
	return core.E(code, op, msg).WithHint(hint).Because(e)
}
