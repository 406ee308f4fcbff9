package dialect

import (
	"github.com/isekai-run/isekai/internal/core"
)

// Whole is what the gateway reads of an answer that isn't a stream.
type Whole struct {
	Usage   core.Usage
	Told    bool     // the provider has told the usage
	Problem *Problem // it says that something is wrong, whatever its status
}

// ReadWhole reads a whole answer, in one pass. is: it is a JSON object of at most 512 levels.
func ReadWhole(op Operation, body []byte) (w Whole, is bool) {
	var usage []byte
	wrong := false
	start := space(body, 0)
	end := object(body, start, 0, func(name []byte, from, to int) {
		switch string(name) {
		case "usage":
			usage = body[from:to]
		case "error":
			wrong = wrong || body[from] == '{' || body[from] == '"'
		}
	})
	if end < 0 || space(body, end) != len(body) {
		return w, false
	}
	if wrong {
		p := ReadProblem(body)
		w.Problem = &p
	}
	if op == OpCountTokens || op == OpModels {
		w.Told = true
	} else if len(usage) > 0 {
		w.Usage, w.Told = usageOf(op.Dialect(), usage)
	}
	return w, true
}
