package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/redact"
)

// TestSecretsAreFound each alone, in prose, in JSON and within lines.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	s := newScanner(t, redact.Config{})
	seen := map[redact.Kind]bool{redact.Canary: true, redact.Known: true}
	for _, c := range secrets {
		seen[c.kind] = true
		secret := c.part
		if secret == "" {
			secret = c.text
		}
		if c.kind == redact.Azure && strings.Contains(c.text, "Q~") {
			secret = c.text[strings.Index(c.text, "Q~"):]
		}
		for _, around := range []string{"%s", "here: %s\nand more", "a\n%s\nb", "see (%s) or", "%s, then", "<p>%s</p>", "日本 %s 語"} {
			text := fmt.Sprintf(around, c.text)
			want := strings.Replace(text, secret, c.kind.Marker(), 1)
			if got := s.Redact(text); got != want {
				t.Errorf("%s in %q:\ngot  %q\nwant %q", c.kind, around, got, want)
			}
			if again := s.Redact(want); again != want {
				t.Errorf("what is redacted, %q, becomes %q", want, again)
			}
		}
	}
	for _, k := range redact.Kinds {
		if !seen[k] {
			t.Errorf("there is no example of %s", k)
		}
	}
}

// TestEscapedSurroundings has secrets stand where an escape ends.
func TestEscapedSurroundings(t *testing.T) {
	t.Parallel()
	s := newScanner(t, redact.Config{})
	for _, c := range secrets {
		if c.part != "" || strings.Contains(c.text, "Q~") {
			continue
		}
		for _, before := range []string{`{"a":"x\n`, `x\t`, "a%3D", "a%20"} {
			if got, want := s.Redact(before+c.text), before+c.kind.Marker(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
}

// TestWhatStays is text that looks a little like secrets.
func TestWhatStays(t *testing.T) {
	t.Parallel()
	s := newScanner(t, redact.Config{})
	for _, text := range []string{
		"", " ", "Hello, world.", strings.Repeat("lorem ipsum dolor ", 500),
		// words about secrets
		"the password must be at least 12 characters long", "Password: ", "password: string;", "password=", "Enter your password: ********",
		"token_count: 12345678901", `"usage":{"prompt_tokens":1024,"completion_tokens":20480}`, "max_tokens=4096", "tokenizer: cl100k_base", "the secretary: Ms. M1ller-Smith42",
		"tokens per second: 123.4567", "secret_name: my-app-credentials-v2", "token_url: https://login.example.com/oauth2/v2.0/token", "apiKeyId: 5f2b8c9d-1234",
		"password_file: /run/secrets/db_password1", "secretKeyRef:", "keyword: password", "bearer of bad news", "Bearer authentication", "Authorization: Bearer", "Authorization: Bearer <token>",
		"the bearer understands internationalization", "Authorization: required", "authorization = authenticated",
		// placeholders
		"password=${DB_PASSWORD1}", "password: {{ .Values.db.password1 }}", "API_KEY=<your-api-key-123>", "token: $GITHUB_TOKEN1", "secret = os.Getenv(\"APP_SECRET1\")",
		"apiKey: process.env.OPENAI_API_KEY_2", "api_key = \"your-api-key-here-1\"", "password: changeme123", "password = \"xxxxxxxx1\"", "token = \"...\"", "pwd: %DB_PWD1%",
		"password = getpass.getpass2()", "token = parser.nextToken1", "token := lexer.next(i+1)", "secret: secretKeyRef2.name", "if token == NULL1 {", "token == tokenKind2",
		"password: null", "password: true", "postgres://user:password@localhost/db", "postgres://${USER}:${PASS}@db/x", "redis://user:<password>@host", "mysql://root:***@db/x",
		// things of high entropy
		"commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"id: 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "tsk_01m81121adj7cybt47y1ptc9cw", "evt_01m81121adj7cybt47y1ptc9cw", "key_01m81121adj7cybt47y1ptc9cw",
		"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk", `integrity="sha512-` + fake(alnum+"+/", 86) + `=="`, "h1:" + fake(alnum+"+/", 43) + "=",
		// shapes that fall short
		"AKIA", "AKIAshort", "in Asia and Africa", "ghp_short", "sk-learn", "task-force-management-and-organization-of-work", "risk_assessment_recommendations_and_more_of_that_kind_of_thing_here",
		"sk-" + strings.Repeat("word-", 10), "npm_config_registry", "npm_lifecycle_event", "xoxb-", "eyJhbGciOiJIUzI1NiJ9", "hf_hub_download", "glob-pattern-that-is-longer-than-twenty", "SG.1", "AIza",
		"-----BEGIN CERTIFICATE-----\n" + fake(alnum, 64) + "\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----\n" + fake(alnum, 64) + "\n-----END PUBLIC KEY-----",
		"a file that begins with -----BEGIN RSA PRIVATE KEY----- is one", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + fake(alnum, 43) + " ann@host",
		// URLs
		"http://localhost:8080/a@b", "https://example.com:443/x?y=z@w", "see https://user@example.com/x", "mailto:ann@example.com", "git@github.com:isekai-run/isekai.git", "http://[::1]:80/@",
		"https://x.example/callback?code_challenge_method=S256", "key: value1, other: value2",
		`func (s *Store) Token(ctx context.Context) (token string, err error) { return s.token2, nil }`, "this.passwordField1 = new PasswordField();", "type=password autocomplete=new-password",
		`<input type="password" name="password" id="password1">`, `passwordInput = document.querySelector("#password1")`, "--token-file /etc/token1", "credential.helper=store",
		redact.GitHub.Marker(), "password=" + redact.Assignment.Marker(), "postgres://a:" + redact.Connection.Marker() + "@b",
	} {
		if got := s.Redact(text); got != text {
			t.Errorf("%q\nbecomes %q", text, got)
		}
	}
}

// TestKnownValues are found as they are, and encoded.
func TestKnownValues(t *testing.T) {
	t.Parallel()
	const secret, canary = `correct "horse"/battery+stäple`, "zebra-crossing"
	s := newScanner(t, redact.Config{Canaries: []redact.Value{{Name: "trap", Text: canary}}, Secrets: []redact.Value{{Name: "db", Text: secret}}})
	for _, f := range forms(secret) {
		for _, around := range []string{"%s", "a%sb", "\n%s\n", "password=%s", "%s" + canary + "%[1]s"} {
			text := fmt.Sprintf(around, f)
			found := s.Find(text)
			if len(found) == 0 || strings.Contains(s.Redact(text), f) {
				t.Errorf("%q stays in %q: %q", f, text, s.Redact(text))
			}
		}
	}
	want := []redact.Finding{{Kind: redact.Canary, Name: "trap", Start: 4, End: 18}, {Kind: redact.Known, Name: "db", Start: 19, End: 19 + len(secret)}}
	if diff := cmp.Diff(want, s.Find("the "+canary+" "+secret+".")); diff != "" {
		t.Error(diff)
	}
	for _, other := range []string{"Zebra-crossing", "zebra-crossin", "zebra crossing", strings.ToUpper(secret)} {
		if got := s.Redact(other); got != other {
			t.Errorf("%q becomes %q", other, got)
		}
	}
}

// TestAKeptFile is found in parts, too, where they look like secrets.
func TestAKeptFile(t *testing.T) {
	t.Parallel()
	secret, line := fake(alnum, 40), fake(alnum+"+/", 64)
	file := "apiVersion: v1\nusers:\n- name: administrator-of-the-cluster\n  user: {\"token\": \"" + secret + "\"}\nkey: |\n" + line + "\n" + fake(word, 64) + "\n"
	s := newScanner(t, redact.Config{Secrets: []redact.Value{{Name: "kubeconfig", Text: file}}})
	for _, text := range []string{"see %s.", "12: %s", `{"a":"%s\n"}`} {
		for _, part := range []string{secret, line} {
			if got := s.Redact(fmt.Sprintf(text, part)); got != fmt.Sprintf(text, redact.Known.Marker()) {
				t.Errorf("%q in %q becomes %q", part, text, got)
			}
		}
	}
	if got := s.Redact(file); got != redact.Known.Marker() {
		t.Errorf("all of it becomes %q", got)
	}
	for _, part := range []string{"apiVersion: v1\nusers:", "administrator-of-the-cluster", secret[:20]} {
		if got := s.Redact(part); got != part {
			t.Errorf("%q becomes %q", part, got)
		}
	}
}

func TestValuesThatCantBeGuarded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "short", "1234567", "redacted:jwt", "a[redacted:b]c", "]]]]]]]]]]", "[redacted", "token]1234567"} {
		_, err := redact.New(redact.Config{Canaries: []redact.Value{{Name: "trap", Text: text}}})
		wantCode(t, text, err, core.Invalid)
		if err != nil && len(text) > 5 && strings.Contains(err.Error(), text) {
			t.Errorf("%v shows the value", err)
		}
	}
}

// TestMarkersMakeNoValue has a value's parts stand around another secret.
func TestMarkersMakeNoValue(t *testing.T) {
	t.Parallel()
	token := "ghp_" + fake(alnum, 36)
	for _, value := range []string{"abcdefgh[", "abcdefgh[redact", "]abcdefgh", "token]abcdefgh"} {
		s := newScanner(t, redact.Config{Canaries: []redact.Value{{Name: "trap", Text: value}}})
		for _, text := range []string{value, "abcdefgh" + token + "abcdefgh", value + token + value, token + value + token} {
			if got := s.Redact(text); strings.Contains(got, value) {
				t.Errorf("%q becomes %q, with %q in it", text, got, value)
			}
		}
	}
}

// TestOverlaps are one finding.
func TestOverlaps(t *testing.T) {
	t.Parallel()
	token := "ghp_" + fake(alnum, 36)
	s := newScanner(t, redact.Config{Canaries: []redact.Value{{Name: "trap", Text: token[20:] + " tail"}}})
	for text, want := range map[string]string{
		"password=" + token: "password=" + redact.Assignment.Marker(),
		token + " tail":     redact.GitHub.Marker(),
		"Authorization: Bearer " + secrets[25].text:    "Authorization: Bearer " + redact.Header.Marker(),
		token + "," + token:                            redact.GitHub.Marker() + "," + redact.GitHub.Marker(),
		"https://u:" + token + "@host/?token=" + token: "https://u:" + redact.Connection.Marker() + "@host/?token=" + redact.Assignment.Marker(),
	} {
		if got := s.Redact(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
