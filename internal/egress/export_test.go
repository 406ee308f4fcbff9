package egress

import "net/url"

// CheckURL is check for a URL as it is written.
func (g *Guard) CheckURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, badURL("it can't be parsed")
	}
	return g.check(u)
}
