package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/isekai-run/isekai/internal/core"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for want, errs := range map[core.Code][]error{
		core.Unavailable:     {errors.New("dial"), context.DeadlineExceeded, kerr.NotLeaderForPartition},
		core.Canceled:        {context.Canceled},
		core.Invalid:         {kerr.MessageTooLarge, core.E(core.Invalid, "", "ours")},
		core.Unauthenticated: {kerr.SaslAuthenticationFailed},
		core.Denied:          {kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed},
	} {
		for _, err := range errs {
			if got := core.CodeOf(translate("op", fmt.Errorf("around: %w", err))); got != want {
				t.Errorf("%v has the code %s, want %s", err, got, want)
			}
		}
	}
}
