package platform

import (
	"io"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/httpapi"
)

// VerifyExport implements cli.Auditor.
func (Platform) VerifyExport(export io.Reader, keys, checkpoints []string) (client.AuditReport, error) {
	known := make([][]byte, len(checkpoints))
	for i, c := range checkpoints {
		known[i] = []byte(c)
	}
	r, err := auditlog.VerifyExport(export, keys, known...)
	return httpapi.Report(r), err
}

// VerifyGrowth implements cli.Auditor.
func (Platform) VerifyGrowth(g client.AuditGrowth, keys []string) error {
	return auditlog.Consistency{From: g.From, To: g.To, Proof: g.Proof}.Check(keys)
}
