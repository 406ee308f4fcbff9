package redact

import (
	"regexp"
	"strings"
)

// What the rules may look at after a keyword, in bytes.
const (
	reachLine  = 1 << 10  // assignments, headers, connection strings, most tokens
	reachToken = 8 << 10  // tokens that carry claims
	reachKey   = 16 << 10 // private keys
)

// set is a set of bytes.
type set [256]bool

func newSet(members string) *set {
	var s set
	for _, b := range []byte(members) {
		s[b] = true
	}
	return &s
}

// holds reports whether all bytes of a text are in the set.
func (s *set) holds(text string) bool {
	for i := 0; i < len(text); i++ {
		if !s[text[i]] {
			return false
		}
	}
	return true
}

const (
	letters  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits   = "0123456789"
	alphanum = letters + digits
)

// shape makes a rule of an expression that begins with its keyword. word: the keyword doesn't
// stand within a word.
func shape(kind Kind, word bool, reach int, expression string, keywords ...string) *rule {
	re := regexp.MustCompile(`^(?:` + expression + `)`)
	return &rule{kind: kind, keywords: keywords, open: whether(re, word, reach), match: func(text string, at int) span {
		if word && within(text, at) {
			return span{}
		}
		m := re.FindStringIndex(text[at:min(len(text), at+reach)])
		if m == nil {
			return span{}
		}
		return span{at, at + m[1]}
	}}
}

// within reports whether a place in a text lies within a word: after a letter, a digit or an
// underscore, unless that ends an escape like \n or %3D.
func within(text string, at int) bool {
	if at == 0 || !newWord[text[at-1]] {
		return false
	}
	if at >= 2 && text[at-2] == '\\' && strings.IndexByte("nrt", text[at-1]) >= 0 {
		return false
	}
	return at < 3 || text[at-3] != '%' || !hexDigits.holds(text[at-2:at])
}

var (
	newWord   = newSet(alphanum + "_")
	hexDigits = newSet(digits + "abcdefABCDEF")
)

// shapes returns the rules of what is known by its shape.
func shapes() []*rule {
	return []*rule{
		shape(AWS, true, reachLine, `(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}`, "akia", "asia", "abia", "acca"),
		shape(GCP, true, reachLine, `AIza[A-Za-z0-9_-]{35}`, "aiza"),
		shape(GCP, false, reachLine, `GOCSPX-[A-Za-z0-9_-]{28}`, "gocspx-"),
		shape(GCP, true, reachLine, `ya29\.[A-Za-z0-9_-]{20,}`, "ya29."),
		shape(Azure, false, reachLine, `Q~[A-Za-z0-9_~.-]{31,34}`, "q~"),
		shape(Azure, false, reachLine, `(?i:AccountKey|SharedAccessKey)=[A-Za-z0-9+/%]{40,}={0,2}`, "accountkey=", "sharedaccesskey"),
		shape(Azure, false, reachLine, `sig=[A-Za-z0-9%+/_-]{43,}={0,2}`, "sig="),
		shape(GitHub, false, reachLine, `gh[pousr]_[A-Za-z0-9]{36,}`, "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
		shape(GitHub, false, reachLine, `github_pat_[A-Za-z0-9_]{36,}`, "github_pat_"),
		shape(GitLab, true, reachLine, `gl[a-z]{2,6}-[A-Za-z0-9_-]{20,}`, "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glagent-", "glimt-"),
		shape(Slack, true, reachLine, `xox[abeoprs]-[A-Za-z0-9-]{10,}`, "xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"),
		shape(Slack, true, reachLine, `xapp-\d-[A-Za-z0-9-]{20,}`, "xapp-"),
		shape(Slack, false, reachLine, `slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,}`, "slack.com/"),
		shape(Stripe, true, reachLine, `[srp]k_(?:live|test)_[A-Za-z0-9]{16,}`, "sk_live_", "sk_test_", "rk_live_", "rk_test_"),
		shape(Stripe, true, reachLine, `whsec_[A-Za-z0-9+/=]{24,}`, "whsec_"),
		shape(Anthropic, true, reachLine, `sk-ant-[A-Za-z0-9_-]{20,}`, "sk-ant-"),
		shape(OpenAI, true, reachLine, `sk-(?:(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,}|[A-Za-z0-9_-]{10,}T3BlbkFJ[A-Za-z0-9_-]{10,})`, "sk-"),
		shape(NPM, true, reachLine, `npm_[A-Za-z0-9]{36,}`, "npm_"),
		shape(PyPI, false, reachLine, `pypi-AgE[A-Za-z0-9_-]{40,}`, "pypi-age"),
		shape(HuggingFace, true, reachLine, `hf_[A-Za-z0-9]{30,}`, "hf_"),
		shape(SendGrid, true, reachLine, `SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}`, "sg."),
		shape(Vault, true, reachLine, `hv[sbr]\.[A-Za-z0-9_-]{24,}`, "hvs.", "hvb.", "hvr."),
		shape(Isekai, true, reachLine, `isk_[a-z0-9]{1,40}_[A-Za-z2-7]{40,}`, "isk_"),
		shape(JWT, false, reachToken, `eyJ[A-Za-z0-9_-]{8,}\.(?:eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{8,}|[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)`, "eyj"),
		shape(PrivateKey, true, reachLine, `(?i:AGE-SECRET-KEY-1)[A-Za-z0-9]{50,}`, "age-secret-key-1"),
		{kind: PrivateKey, keywords: []string{"-----begin "}, match: privateKey, open: privateKeyOpen},
		{kind: Connection, keywords: []string{"://"}, match: connection, open: whether(connectionPassword, false, reachLine)},
		{kind: Header, keywords: []string{"authorization"}, match: header, open: whether(headerValue, false, reachLine)},
		{kind: Header, keywords: []string{"bearer"}, match: bearer, open: whether(bearerValue, true, reachToken)},
		{kind: Assignment, keywords: telling, match: assignment, open: assignmentOpen},
	}
}

var (
	keyHead = regexp.MustCompile(`^-----(?i:BEGIN) (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----`)
	keyFoot = regexp.MustCompile(`-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----`)
	// inKey are the bytes of a key's armour and its headers, also where its lines are escaped.
	inKey = newSet(alphanum + "+/=:,.-_()\\ \t\r\n\"'>|")
)

// privateKey takes a key up to its last line, or, where that is missing, as far as it may go.
func privateKey(text string, at int) span {
	window := text[at:min(len(text), at+reachKey)]
	head := keyHead.FindStringIndex(window)
	if head == nil {
		return span{}
	}
	end := head[1]
	for end < len(window) && inKey[window[end]] {
		end++
	}
	if foot := keyFoot.FindStringIndex(window[head[1]:end]); foot != nil {
		return span{at, at + head[1] + foot[1]}
	}
	if end-head[1] < 40 { // a head that is only spoken of
		return span{}
	}
	return span{at, at + end}
}
