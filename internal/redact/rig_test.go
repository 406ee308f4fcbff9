package redact_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/redact"
)

func newScanner(t testing.TB, cfg redact.Config) *redact.Scanner {
	t.Helper()
	s, err := redact.New(cfg)
	ok(t, err)
	return s
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code || err == nil {
		t.Errorf("%s: error %v has code %q, want %q", what, err, core.CodeOf(err), code)
	}
}

// fake makes a text of n characters that looks random, so that no real token stands here.
func fake(alphabet string, n int) string {
	var b strings.Builder
	x := uint32(len(alphabet)*7919 + n)
	for range n {
		x = x*1664525 + 1013904223
		b.WriteByte(alphabet[int(x>>16)%len(alphabet)])
	}
	return b.String()
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
	alnum  = lower + upper + digits
	word   = alnum + "_-"
)

// pem is a private key in its armour.
func pem(kind string) string {
	var b strings.Builder
	b.WriteString("-----BEGIN " + kind + "-----\n")
	for range 20 {
		b.WriteString(fake(alnum+"+/", 64) + "\n")
	}
	b.WriteString(fake(alnum+"+/", 30) + "==\n-----END " + kind + "-----")
	return b.String()
}

// secrets are one or more of each kind; what is found of each is all of it, unless part says
// what.
var secrets = []struct {
	kind       redact.Kind
	text, part string
}{
	{kind: redact.AWS, text: "AKIA" + fake(upper+"234567", 16)},
	{kind: redact.AWS, text: "ASIA" + fake(upper+"234567", 16)},
	{kind: redact.GCP, text: "AIza" + fake(word, 35)},
	{kind: redact.GCP, text: "GOCSPX-" + fake(word, 28)},
	{kind: redact.GCP, text: "ya29." + fake(word, 80)},
	{redact.Azure, fake(alnum, 3) + "8Q~" + fake(alnum+"_.~-", 34), ""},
	{kind: redact.Azure, text: "AccountKey=" + fake(alnum+"+/", 86) + "=="},
	{kind: redact.GitHub, text: "ghp_" + fake(alnum, 36)},
	{kind: redact.GitHub, text: "ghs_" + fake(alnum, 36)},
	{kind: redact.GitHub, text: "github_pat_" + fake(alnum, 22) + "_" + fake(alnum, 59)},
	{kind: redact.GitLab, text: "glpat-" + fake(word, 20)},
	{kind: redact.GitLab, text: "glrt-" + fake(word, 20)},
	{kind: redact.Slack, text: "xoxb-" + fake(digits, 12) + "-" + fake(digits, 12) + "-" + fake(alnum, 24)},
	{kind: redact.Slack, text: "xapp-1-A" + fake(upper+digits, 10) + "-" + fake(digits, 13) + "-" + fake(lower+digits, 64)},
	{kind: redact.Stripe, text: "sk_live_" + fake(alnum, 24)},
	{kind: redact.Stripe, text: "rk_test_" + fake(alnum, 99)},
	{kind: redact.Stripe, text: "whsec_" + fake(alnum, 32)},
	{kind: redact.OpenAI, text: "sk-" + fake(alnum, 48)},
	{kind: redact.OpenAI, text: "sk-proj-" + fake(word, 74) + "T3BlbkFJ" + fake(word, 74)},
	{kind: redact.Anthropic, text: "sk-ant-api03-" + fake(word, 93) + "AA"},
	{kind: redact.NPM, text: "npm_" + fake(alnum, 36)},
	{kind: redact.PyPI, text: "pypi-AgEIcHlwaS5vcmc" + fake(word, 80)},
	{kind: redact.HuggingFace, text: "hf_" + fake(lower+upper, 34)},
	{kind: redact.SendGrid, text: "SG." + fake(word, 22) + "." + fake(word, 43)},
	{kind: redact.Vault, text: "hvs." + fake(word, 90)},
	{kind: redact.JWT, text: "eyJ" + fake(alnum, 33) + ".eyJ" + fake(word, 120) + "." + fake(word, 43)},
	{kind: redact.JWT, text: "eyJ" + fake(alnum, 33) + ".." + fake(word, 16) + "." + fake(word, 80) + "." + fake(word, 22)},
	{kind: redact.Isekai, text: "isk_" + fake(lower+digits, 26) + "_" + fake(lower+"234567", 52)},
	{kind: redact.Isekai, text: "isk_" + fake(lower+digits, 26) + "_" + fake(upper+"234567", 52)},
	{kind: redact.PrivateKey, text: pem("RSA PRIVATE KEY")},
	{kind: redact.PrivateKey, text: pem("PRIVATE KEY")},
	{kind: redact.PrivateKey, text: pem("OPENSSH PRIVATE KEY")},
	{kind: redact.PrivateKey, text: pem("EC PRIVATE KEY")},
	{kind: redact.PrivateKey, text: pem("PGP PRIVATE KEY BLOCK")},
	{kind: redact.PrivateKey, text: strings.ReplaceAll(pem("PRIVATE KEY"), "\n", `\n`)},
	{kind: redact.PrivateKey, text: "AGE-SECRET-KEY-1" + fake(upper+digits, 58)},
	{redact.Connection, "postgres://app:s3cr-t!pw@db.internal:5432/app?sslmode=require", "s3cr-t!pw"},
	{redact.Connection, "redis://:hunter2@cache:6379/0", "hunter2"},
	{redact.Connection, "mongodb+srv://root:p%40ss,word@cluster0.mongodb.net", "p%40ss,word"},
	{redact.Connection, "https://x-access-token:abcdefgh@git.example.com/a.git", "abcdefgh"},
	{redact.Header, "Authorization: Basic " + fake(alnum, 30) + "==", fake(alnum, 30) + "=="},
	{redact.Header, `"Authorization": "Bearer ` + fake(word, 40) + `"`, fake(word, 40)},
	{redact.Header, `{\"authorization\":\"token ` + fake(lower+digits, 40) + `\"}`, fake(lower+digits, 40)},
	{redact.Header, "curl -H 'Authorization: Bearer " + fake(alnum, 32) + "' https://a.example", fake(alnum, 32)},
	{redact.Header, "with bearer " + fake(word, 43), fake(word, 43)},
	{redact.Assignment, "password = " + fake(alnum, 14), fake(alnum, 14)},
	{redact.Assignment, `DB_PASSWORD="Tr0ub4dor&3"`, "Tr0ub4dor&3"},
	{redact.Assignment, `{"client_secret":"` + fake(word, 40) + `"}`, fake(word, 40)},
	{redact.Assignment, `{\"api_key\": \"` + fake(word, 32) + `\"}`, fake(word, 32)},
	{redact.Assignment, "export AWS_SECRET_ACCESS_KEY=" + fake(alnum+"+/", 40), fake(alnum+"+/", 40)},
	{redact.Assignment, "X-Api-Key: " + fake(lower+digits, 32), fake(lower+digits, 32)},
	{redact.Assignment, "https://a.example/x?token=" + fake(alnum, 24) + "&y=1", fake(alnum, 24)},
	{redact.Assignment, "mysql --password " + fake(alnum, 16), fake(alnum, 16)},
	{redact.Assignment, "passwd: 'xK9#mP2$vL5'", "xK9#mP2$vL5"},
	{redact.Assignment, "const apiKey := `" + fake(alnum, 24) + "`", fake(alnum, 24)},
	{redact.Assignment, "<password>" + fake(alnum, 18) + "</password>", fake(alnum, 18)},
	{redact.Assignment, "ENV['API_TOKEN'] = '" + fake(alnum, 20) + "'", fake(alnum, 20)},
	{redact.Assignment, "secrets.token => '" + fake(alnum, 20) + "'", fake(alnum, 20)},
}
