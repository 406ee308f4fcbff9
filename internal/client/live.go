package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// LiveChannel is one of the streams that a live stream carries.
type LiveChannel struct {
	// Name is [PROJECT/]KIND[:ID]: task:tsk_x, conversation:cnv_x, logs:app_x or events.
	Name string
	// After is the place to go on after; nil: from the first on, and of events only what comes from now on.
	After *int64
}

// LiveMessage is what a live stream says of a channel.
type LiveMessage struct {
	Channel string
	Place   int64           // to go on after
	Data    json.RawMessage // an Event, of logs a LogLine; nil: none
	Whole   bool            // what was there when the channel was opened has come
	Ended   bool            // nothing comes any more, for it is complete
	Refused *Problem        // why nothing comes, or nothing any more
}

// LivePlace says how far a channel of a live stream has come.
type LivePlace struct {
	Channel string `json:"channel"`
	Place   int64  `json:"place"`
	Whole   bool   `json:"whole"` // what was there when it was opened has come
}

// LiveEnd says that a channel is complete.
type LiveEnd struct {
	Channel string `json:"channel"`
}

// LiveRefusal says why nothing comes of a channel.
type LiveRefusal struct {
	Channel string  `json:"channel"`
	Problem Problem `json:"problem"`
}

// Live yields what comes of up to 64 channels by one connection, and ends when none is left. A cut
// connection is resumed where each channel stopped; no event is missed or repeated. One that is
// refused isn't asked for again.
func (c *Client) Live(ctx context.Context, channels ...LiveChannel) iter.Seq2[LiveMessage, error] {
	return func(yield func(LiveMessage, error) bool) {
		left := slices.Clone(channels)
		at := func(string) (path, last string) {
			asked := make([]string, len(left))
			for i, ch := range left {
				if asked[i] = ch.Name; ch.After != nil {
					asked[i] += "@" + strconv.FormatInt(*ch.After, 10)
				}
			}
			return "/v1/live?" + url.Values{"follow": {strings.Join(asked, ",")}}.Encode(), ""
		}
		for m, err := range c.resumed(ctx, at) {
			said, err := liveMessage(m, err)
			if err != nil {
				yield(LiveMessage{}, err)
				return
			}
			if i := slices.IndexFunc(left, func(ch LiveChannel) bool { return ch.Name == said.Channel }); i >= 0 {
				if said.Ended || said.Refused != nil {
					left = slices.Delete(left, i, i+1)
				} else {
					left[i].After = &said.Place
				}
			}
			if !yield(said, nil) || len(left) == 0 {
				return
			}
		}
	}
}

// liveMessage reads what a live stream has sent.
func liveMessage(m message, err error) (LiveMessage, error) {
	if err != nil {
		return LiveMessage{}, err
	}
	switch m.event {
	case "place":
		p, err := decode[LivePlace](m, nil)
		return LiveMessage{Channel: p.Channel, Place: p.Place, Whole: p.Whole}, err
	case endOfStream:
		e, err := decode[LiveEnd](m, nil)
		return LiveMessage{Channel: e.Channel, Ended: true}, err
	case "refused":
		r, err := decode[LiveRefusal](m, nil)
		return LiveMessage{Channel: r.Channel, Refused: &r.Problem}, err
	}
	_, place, _ := strings.Cut(m.id, "@")
	at, err := strconv.ParseInt(place, 10, 64)
	if err != nil {
		return LiveMessage{}, core.E(core.Invalid, "client", "an event of the live stream has no place")
	}
	return LiveMessage{Channel: m.event, Place: at, Data: json.RawMessage(m.data)}, nil
}
